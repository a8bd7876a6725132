"""Settings come from the environment, then a TOML file; what is not right is named, never shown."""

import base64
import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.errors import StartupError
from gateway.settings import CONFIG, PREFIX, Settings, is_loopback, load_settings

README = Path(__file__).parent.parent / "README.md"
SECRET = "hunter2-hunter2"
SECRETS = [
    *("GATEWAY_API_KEYS", "GATEWAY_UPSTREAM_API_KEY", "OPENAI_API_KEY"),
    *("GATEWAY_ADMIN_KEYS", "GATEWAY_IDENTITY_SECRET"),
    *("GATEWAY_EXTRACTION_API_KEY", "GATEWAY_ENCRYPTION_KEY"),
]


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Loads settings from these environment variables and this TOML file."""

    def load(toml=None, **environment):
        if toml is not None:
            file = tmp_path / "gateway.toml"
            file.write_text(toml)
            environment[CONFIG] = str(file)
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            return load_settings()

    return load


@pytest.fixture
def refusal(load):
    """The one line that says what is wrong with the settings."""

    def refusal(toml=None, **environment):
        with pytest.raises(StartupError) as caught:
            load(toml, **environment)
        line = str(caught.value)
        assert line
        assert line.isprintable()
        return line

    return refusal


def test_without_any_setting_the_gateway_serves_loopback_with_the_offline_model(load):
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.api_keys == ()
    assert settings.upstream_base_url == ""
    assert settings.upstream_api_key.get_secret_value() == ""


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(load):
    settings = load("port = 9001\nrecall_limit = 3", GATEWAY_PORT="9002")
    assert (settings.port, settings.recall_limit) == (9002, 3)
    assert settings.max_in_flight == Settings().max_in_flight


def test_a_file_can_hold_every_kind_of_setting(load, tmp_path):
    settings = load(
        f"""
        data_dir = "{tmp_path}"
        body_timeout = 2
        memory_position = "system"
        [[api_keys]]
        project = "a"
        key = "k1"
        """
    )
    assert (settings.data_dir, settings.body_timeout) == (tmp_path, 2.0)
    assert settings.memory_position == "system"
    assert [(k.project, k.key.get_secret_value()) for k in settings.api_keys] == [("a", "k1")]


@pytest.mark.parametrize("written", ["a:k1,b:k:2", " a:k1 , b:k:2 ,", "a : k1, b: k:2"])
def test_keys_are_written_as_project_and_key(load, written):
    for settings in (load(GATEWAY_API_KEYS=written), load(f'api_keys = "{written}"')):
        found = [(k.project, k.key.get_secret_value()) for k in settings.api_keys]
        assert found == [("a", "k1"), ("b", "k:2")]


@pytest.mark.parametrize("written", ["k", "a:", ":k", "a:k,b", ":", "a: ,"])
def test_a_key_that_is_written_otherwise_is_refused(refusal, written):
    assert "GATEWAY_API_KEYS: " in refusal(GATEWAY_API_KEYS=written)


def test_an_unknown_environment_variable_is_refused_and_named(refusal):
    line = refusal(GATEWAY_PROT="1", gateway_hots="x", GATEWAY_="y")
    assert line == "unknown setting GATEWAY_, GATEWAY_PROT, gateway_hots"


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        ("prot = 1", "prot"),
        ("[gateway]\nport = 1", "gateway"),
        ("GATEWAY_PORT = 1", "GATEWAY_PORT"),
        ('[[api_keys]]\nproject = "a"\nkey = "k"\nkye = "k"', "api_keys.0.kye"),
    ],
)
def test_an_unknown_name_in_the_file_is_refused_and_named(refusal, toml, name):
    assert refusal(toml) == f"unknown setting {name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", ""),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_MEMORY_POSITION", "end"),
        ("GATEWAY_RECALL_FLOOR", "1.5"),
        ("GATEWAY_RECALL_FLOOR", "nan"),
        ("GATEWAY_SHUTDOWN_GRACE", "inf"),
        ("GATEWAY_BODY_TIMEOUT", "0"),
        ("GATEWAY_MAX_BODY_BYTES", "32MB"),
    ],
)
def test_a_value_that_is_not_right_names_its_setting(refusal, name, value):
    assert refusal(**{name: value}).startswith(f"{name}: ")


def test_every_value_that_is_not_right_is_named_at_once(refusal):
    line = refusal("recall_limit = 99", GATEWAY_PORT="x")
    assert "GATEWAY_PORT: " in line
    assert "GATEWAY_RECALL_LIMIT: " in line


@pytest.mark.parametrize(
    "toml",
    [
        f'api_keys = "{SECRET}"',
        f'api_keys = ["a:{SECRET}"]',
        f'api_keys = {{ a = "{SECRET}" }}',
        f'[[api_keys]]\nproject = ""\nkey = "{SECRET}"',
        f'[[api_keys]]\nkey = "{SECRET}"',
        f'upstream_api_key = ["{SECRET}"]',
        f'upstream_api_key = "{SECRET}"\nport = "x"',
        f'upstream_api_key = "{SECRET}',
        f"upstream_api_key = {SECRET}",
        f'upstream_api_key = "{SECRET}"\nupstream_api_key = "{SECRET}"',
    ],
)
def test_a_refusal_never_shows_a_secret(refusal, toml):
    assert SECRET not in refusal(toml)


@pytest.mark.parametrize("name", SECRETS)
def test_a_refusal_never_shows_a_secret_of_the_environment(refusal, name):
    assert SECRET not in refusal(**{name: SECRET, "GATEWAY_PORT": "x"})


def test_secrets_are_not_in_what_the_settings_print(load):
    for settings in (
        load(GATEWAY_API_KEYS=f"a:{SECRET}", GATEWAY_UPSTREAM_API_KEY=SECRET),
        load(OPENAI_API_KEY=SECRET),
    ):
        assert settings.upstream_api_key.get_secret_value() == SECRET
        for printed in (
            repr(settings),
            str(settings),
            settings.model_dump_json(),
            repr(settings.api_keys),
        ):
            assert SECRET not in printed


def test_settings_do_not_change(load):
    settings = load()
    with pytest.raises(ValidationError):
        settings.port = 1


@pytest.mark.parametrize("toml", ["port =", "port = 1\nport = 2", "\\"])
def test_a_file_that_is_no_toml_is_refused_and_named(refusal, tmp_path, toml):
    assert refusal(toml).startswith(f"{tmp_path}/gateway.toml: ")


def test_a_file_that_is_not_there_or_cannot_be_read_is_refused_and_named(refusal, tmp_path):
    (tmp_path / "binary.toml").write_bytes(b'host = "\xff"')
    for file in (tmp_path, tmp_path / "absent.toml", tmp_path / "binary.toml"):
        assert str(file) in refusal(**{CONFIG: str(file)})


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc")
def test_a_file_that_fails_while_it_is_read_is_refused_and_named(refusal):
    assert refusal(**{CONFIG: "/proc/self/mem"}).startswith("/proc/self/mem: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_served_without_keys(load, host):
    assert load(GATEWAY_HOST=host).host == host


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.5", "example.com", "127.0.0.1.x"],  # noqa: S104  refused here
)
def test_another_address_needs_keys(load, refusal, host):
    assert not is_loopback(host)
    line = refusal(GATEWAY_HOST=host)
    assert "GATEWAY_HOST" in line
    assert "GATEWAY_API_KEYS" in line
    assert load(GATEWAY_HOST=host, GATEWAY_API_KEYS="a:k").host == host
    assert load(GATEWAY_HOST=host, GATEWAY_ADMIN_KEYS="k").host == host


@pytest.mark.parametrize(
    ("keys", "admins"), [("a:k,b:k", ""), ("a:k", "k"), ("a:k", "j,j")], ids=str
)
def test_one_key_opens_one_thing(refusal, keys, admins):
    assert "twice" in refusal(GATEWAY_API_KEYS=keys, GATEWAY_ADMIN_KEYS=admins)


def test_a_key_of_the_file_says_what_it_opens(load, refusal):
    keys = '[[api_keys]]\nproject = "p"\nkey = "k"\nscopes = ["metrics"]'
    assert load(keys).api_keys[0].scopes == ("metrics",)
    assert "api_keys" in refusal(keys.replace("metrics", "everything")).lower()


CLIENT = {"GATEWAY_AUTH": "client", "OPENAI_BASE_URL": "http://a/v1"}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"OPENAI_BASE_URL": ""}, "GATEWAY_UPSTREAM_BASE_URL"),
        ({"OPENAI_API_KEY": "k"}, "GATEWAY_UPSTREAM_AUTH"),
        ({"GATEWAY_UPSTREAM_API_KEY": "k"}, "GATEWAY_UPSTREAM_AUTH"),
        ({"GATEWAY_QDRANT_URL": "http://q:6333"}, "GATEWAY_IDENTITY_SECRET"),
        ({"GATEWAY_IDENTITY_SECRET": "short"}, "GATEWAY_IDENTITY_SECRET"),
    ],
    ids=str,
)
def test_clients_own_keys_decide_only_where_the_upstream_gets_them(load, refusal, more, named):
    assert load(**CLIENT).auth == "client"
    assert load(**CLIENT, OPENAI_API_KEY="k", GATEWAY_UPSTREAM_AUTH="client").auth == "client"
    assert named in refusal(**(CLIENT | more))


SEALING = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "written", ["k", SEALING[:-4], f"{SEALING}{SEALING}", f"{SEALING},", ",", " ", f"{SEALING},k"]
)
def test_a_key_that_seals_is_32_bytes_in_base64(load, refusal, written):
    assert load().encryption_keys() == []
    both = load(GATEWAY_ENCRYPTION_KEY=f" {SEALING}, {base64.b64encode(b'k' * 32).decode()}")
    assert both.encryption_keys() == [bytes(32), b"k" * 32]
    assert SEALING not in repr(both)
    line = refusal(GATEWAY_ENCRYPTION_KEY=written)
    assert line.startswith("GATEWAY_ENCRYPTION_KEY: each key is 32 bytes in base64")
    assert SEALING not in line


@pytest.mark.parametrize("origins", ["*", "app.example.com", "https://a.com/", "null", "https://*"])
def test_an_origin_is_a_scheme_and_a_host(load, refusal, origins):
    assert load(GATEWAY_CORS_ORIGINS="https://a.com, http://b:3000").cors_origins == (
        "https://a.com",
        "http://b:3000",
    )
    assert "GATEWAY_CORS_ORIGINS" in refusal(GATEWAY_CORS_ORIGINS=origins)


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://127.0.0.1:8080/v1", {}),
        ("http://localhost:8080", {}),
        ("http://LOCALHOST:8080/v1/", {}),
        ("http://[::1]:8080/v1", {}),
        ("http://0.0.0.0:8080/v1", {}),
        ("http://localhost/v1", {"GATEWAY_PORT": "80"}),
        ("https://127.0.0.1", {"GATEWAY_PORT": "443"}),
        ("http://10.0.0.5:8080", {"GATEWAY_HOST": "10.0.0.5", "GATEWAY_API_KEYS": "a:k"}),
    ],
)
def test_the_gateway_is_not_its_own_upstream(refusal, url, more):
    assert "own address" in refusal(GATEWAY_UPSTREAM_BASE_URL=url, **more)
    assert "OPENAI_BASE_URL" in refusal(OPENAI_BASE_URL=url, **more)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434/v1",
        "https://api.openai.com/v1",
        "http://10.0.0.5:8080",
        "http://localhost",
    ],
)
def test_any_other_upstream_is_taken(load, url):
    assert load(GATEWAY_UPSTREAM_BASE_URL=url).upstream_base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "api.openai.com",
        "ftp://x",
        "ftp://x:21",
        "http://",
        "http://[::1",
        "http://x:port",
        "http://x:99999",
        "/v1",
    ],
)
def test_an_upstream_that_is_no_http_url_is_refused_and_named(refusal, url):
    assert "GATEWAY_UPSTREAM_BASE_URL" in refusal(GATEWAY_UPSTREAM_BASE_URL=url)


def test_a_model_that_reads_turns_needs_a_server(load, refusal):
    model, url = "GATEWAY_EXTRACTION_MODEL", "GATEWAY_EXTRACTION_BASE_URL"
    assert load(GATEWAY_EXTRACTION_MODEL="m", OPENAI_BASE_URL="http://a/v1").extraction_model == "m"
    own = load(
        GATEWAY_EXTRACTION_MODEL="m",
        GATEWAY_EXTRACTION_BASE_URL="http://b/v1",
        GATEWAY_EXTRACTION_API_KEY="k",
    )
    assert own.extraction_base_url == "http://b/v1"
    assert url in refusal(GATEWAY_EXTRACTION_MODEL="m")
    assert model in refusal(GATEWAY_EXTRACTION_BASE_URL="http://b/v1")
    assert url in refusal(
        GATEWAY_EXTRACTION_MODEL="m", GATEWAY_EXTRACTION_API_KEY="k", OPENAI_BASE_URL="http://a/v1"
    )
    for wrong in ("b/v1", "http://127.0.0.1:8080/v1"):
        assert url in refusal(GATEWAY_EXTRACTION_MODEL="m", GATEWAY_EXTRACTION_BASE_URL=wrong)


def test_openai_s_own_variables_stand_in_for_the_upstream_s(load):
    settings = load(OPENAI_BASE_URL="http://a/v1", OPENAI_API_KEY="k1")
    assert settings.upstream_base_url == "http://a/v1"
    assert settings.upstream_api_key.get_secret_value() == "k1"


def test_settings_of_ours_win_over_openai_s_variables(load):
    openai = {"OPENAI_BASE_URL": "http://a/v1", "OPENAI_API_KEY": "k1"}
    in_file = load('upstream_base_url = "http://b/v1"\nupstream_api_key = "k2"', **openai)
    assert in_file.upstream_base_url == "http://b/v1"
    assert in_file.upstream_api_key.get_secret_value() == "k2"
    in_environment = load(
        GATEWAY_UPSTREAM_BASE_URL="http://c/v1", GATEWAY_UPSTREAM_API_KEY="k3", **openai
    )
    assert in_environment.upstream_base_url == "http://c/v1"
    assert in_environment.upstream_api_key.get_secret_value() == "k3"
    assert load(GATEWAY_UPSTREAM_BASE_URL="", **openai).upstream_base_url == ""


def test_the_cache_stands_where_the_user_keeps_caches(load, tmp_path):
    assert load(XDG_CACHE_HOME=str(tmp_path)).cache_dir == tmp_path / "memory-gateway"
    assert load(XDG_CACHE_HOME="").cache_dir == Path.home() / ".cache" / "memory-gateway"


def test_every_setting_says_what_it_is():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_readme_names_every_setting_and_no_other():
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", README.read_text()))
    assert named == {CONFIG, *(PREFIX + name.upper() for name in Settings.model_fields)}


def test_no_test_sees_the_settings_of_who_runs_it():
    assert not [name for name in os.environ if name.startswith((PREFIX, "OPENAI_"))]


def test_workers_need_a_store_that_they_can_share_with_the_gateways(load, refusal):
    assert "GATEWAY_QDRANT_URL" in refusal(GATEWAY_REDIS_URL="redis://localhost")
    settings = load(
        GATEWAY_REDIS_URL="redis://:sesame@localhost/1", GATEWAY_QDRANT_URL="http://localhost:6333"
    )
    assert "sesame" not in repr(settings)
    assert load(GATEWAY_QDRANT_URL="http://localhost:6333").redis_url.get_secret_value() == ""


def test_the_models_of_chats_are_a_list_and_may_have_other_names(load, refusal):
    assert load().chat_models == {}
    settings = load(GATEWAY_CHAT_MODELS="qwen:7b, big = vendor/big-1 ,")
    assert list(settings.chat_models.items()) == [("qwen:7b", "qwen:7b"), ("big", "vendor/big-1")]
    for toml in ('chat_models = ["a", "b=c"]', "[chat_models]\na = 'a'\nb = 'c'"):
        assert list(load(toml).chat_models.items()) == [("a", "a"), ("b", "c")]
    for wrong in ("a=", "=b", "a,="):
        assert "GATEWAY_CHAT_MODELS" in refusal(GATEWAY_CHAT_MODELS=wrong)
    assert "GATEWAY_CHAT_WINDOW" in refusal(GATEWAY_CHAT_WINDOW="1000")


@pytest.mark.parametrize("url", ["localhost:6379", "http://secret@localhost", "sesame"])
def test_a_redis_url_that_is_none_is_refused_without_being_repeated(refusal, url):
    told = refusal(GATEWAY_REDIS_URL=url, GATEWAY_QDRANT_URL="http://localhost:6333")
    assert "GATEWAY_REDIS_URL" in told
    assert url not in told
