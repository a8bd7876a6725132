"""What deploy/ holds fits the gateway: its settings, its paths, its limits and its clocks."""

import fnmatch
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.http.app import create_app
from gateway.settings import CONFIG, PREFIX, Settings
from tests.served import served

ROOT = Path(gateway.__file__).parent.parent
DEPLOY = ROOT / "deploy"
FILES = [path for path in DEPLOY.rglob("*") if path.is_file()]
DEFAULTS = {name: field.get_default() for name, field in Settings.model_fields.items()}
KEEP_ALIVE = 75  # seconds that main.py lets a connection stay idle


def text(name: str) -> str:
    return (DEPLOY / name).read_text()


def seconds(duration: str) -> float:
    [(number, unit)] = re.findall(r"^(\d+)(ms|s|m|h|)$", duration)
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "": 1}[unit]


def size(given: str) -> int:
    [(number, unit)] = re.findall(r"^(\d+)([kmg])(?:iB)?$", given, re.IGNORECASE)
    return int(number) * 1024 ** ("kmg".index(unit.lower()) + 1)


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists(file):
    known = {CONFIG, *(PREFIX + name.upper() for name in Settings.model_fields)}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", file.read_text()))
    assert named <= known


def test_the_readme_names_every_file():
    readme = text("README.md")
    missing = []
    for path in FILES:
        folder = path.parent.relative_to(DEPLOY)
        if f"`{folder}/" not in readme and folder != Path():
            missing.append(str(folder))
        if f"{path.name}`" not in readme and path.name != "README.md":
            missing.append(path.name)
    assert missing == []


# The image


def stages() -> list[list[tuple[str, str]]]:
    """The Dockerfile's instructions, those of each stage together; before the first, its ARGs."""
    lines = [line for line in text("Dockerfile").splitlines() if not line.startswith("#")]
    instructions = [
        tuple(line.strip().split(maxsplit=1))
        for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
        if line.strip()
    ]
    found: list[list[tuple[str, str]]] = [[]]
    for word, rest in instructions:
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def final(word: str) -> str:
    [rest] = [rest for instruction, rest in stages()[-1] if instruction == word]
    return rest


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in final("ENV").split())


def test_the_image_s_base_is_pinned_and_names_no_registry():
    [[(_, base)], *built] = stages()
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+", base)
    earlier = set()
    for [(_, origin), *_] in built:
        image, *name = origin.split(" AS ")
        assert image == "${PYTHON_IMAGE}" or image in earlier
        earlier |= set(name)


def test_the_image_runs_as_nobody_in_particular():
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", final("USER"))
    assert [word for word, _ in stages()[-1]].index("USER") > [
        at for at, (word, _) in enumerate(stages()[-1]) if word in {"RUN", "COPY"}
    ][-1]  # what the image holds is root's, and stays as it is


def test_the_image_holds_the_model_where_the_gateway_looks_and_asks_no_hub():
    made = [rest for stage in stages() for word, rest in stage if "ensure_default_model(" in rest]
    assert len(made) == 1
    cache = environment()["GATEWAY_CACHE_DIR"]
    assert f"Path('{cache}')" in made[0]
    assert ("COPY", f"--from=model {cache} {cache}") in stages()[-1]
    assert environment()["HF_HUB_OFFLINE"] == "1"


def test_the_image_installs_what_the_lock_file_names_and_nothing_else():
    installs = [
        command
        for stage in stages()
        for word, rest in stage
        if word == "RUN"
        for command in rest.split("&&")
        if "pip install" in command
    ]
    assert installs
    for command in installs:
        assert "--require-hashes" in command or "--no-deps --no-build-isolation" in command


def test_the_image_passes_signals_on_and_stops_by_one_that_drains():
    assert json.loads(final("ENTRYPOINT")) == ["memory-gateway"]
    assert json.loads(final("CMD")) == ["serve"]
    assert final("STOPSIGNAL") == signal.SIGTERM.name


@pytest.mark.anyio
async def test_the_image_s_health_is_asked_where_the_gateway_answers():
    options, _, command = final("HEALTHCHECK").partition(" CMD ")
    program, flag, source = json.loads(command)
    assert (program, flag) == ("python", "-c")  # a slim image has no curl
    compile(source, "HEALTHCHECK", "exec")
    [path] = re.findall(r"\]\}(/\w+)", source)
    assert path in await routes()
    assert "--start-period=" in options
    assert environment()["GATEWAY_PORT"] == final("EXPOSE")


def test_the_image_starts_only_with_keys():
    assert not Settings.model_fields["api_keys"].get_default()
    with pytest.raises(ValueError, match="GATEWAY_API_KEYS"):
        Settings(host=environment()["GATEWAY_HOST"])


def test_of_the_working_folder_the_build_sees_only_what_it_copies():
    everything, *allowed = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert everything == "*"
    wanted = [
        path
        for stage in stages()
        for word, rest in stage
        if word == "COPY" and not rest.startswith("--from")
        for path in rest.split()[:-1]
    ]
    for path in wanted:
        assert (ROOT / path).exists()
        assert any(
            fnmatch.fnmatch(path.split("/")[0], rule[1:]) for rule in allowed if rule[0] == "!"
        ), path


# Before the gateway, and around it


async def routes() -> set[str]:
    async with served() as it:
        app: Any = create_app(it.gateway)
        return set(app._routes)


def directive(name: str, source: str) -> list[str]:
    return re.findall(rf"^\s*{name} ([^;\n{{]+?);?(?:\s*#.*)?$", source, re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "waits"),
    [("nginx.conf", "proxy_read_timeout"), ("Caddyfile", "read_timeout")],
)
def test_a_proxy_waits_longer_than_the_gateway_for_a_slow_answer(file, waits):
    [patience] = directive(waits, text(file))
    assert seconds(patience) > DEFAULTS["upstream_first_byte_timeout"]
    assert seconds(patience) > DEFAULTS["upstream_idle_timeout"]


def test_caddy_waits_for_the_answer_s_headers_as_long():
    [patience] = directive("response_header_timeout", text("Caddyfile"))
    assert seconds(patience) > DEFAULTS["upstream_first_byte_timeout"]


@pytest.mark.parametrize(
    ("file", "name"), [("nginx.conf", "keepalive_timeout"), ("Caddyfile", "keepalive")]
)
def test_a_proxy_drops_an_idle_connection_before_the_gateway_does(file, name):
    shortest = min(seconds(given) for given in directive(name, text(file)) if given[-1] == "s")
    assert shortest < KEEP_ALIVE
    assert f"timeout_keep_alive={KEEP_ALIVE}," in (ROOT / "gateway" / "main.py").read_text()


@pytest.mark.parametrize(
    ("file", "name"), [("nginx.conf", "client_header_timeout"), ("Caddyfile", "read_header")]
)
def test_a_proxy_cuts_a_client_whose_headers_do_not_come(file, name):
    [patience] = directive(name, text(file))
    assert seconds(patience) <= 10


def test_a_proxy_lets_through_what_the_gateway_takes():
    assert [size(given) for given in directive("client_max_body_size", text("nginx.conf"))] == [
        DEFAULTS["max_body_bytes"],
        DEFAULTS["max_upload_bytes"],
        440 * 2**20,
    ]
    in_base64 = DEFAULTS["max_files_bytes"] * 4 / 3 + DEFAULTS["max_body_bytes"]
    assert in_base64 < 440 * 2**20
    [most] = directive("max_size", text("Caddyfile"))
    assert size(most) == DEFAULTS["max_upload_bytes"]


def test_nginx_holds_back_no_piece_of_an_answer_and_no_upload():
    source = text("nginx.conf")
    assert directive("proxy_buffering", source) == ["off"]
    assert directive("gzip", source) == ["off"]
    assert directive("proxy_request_buffering", source) == ["off", "off"]
    assert directive("proxy_ignore_client_abort", source) == ["off"]


def test_caddy_holds_back_nothing_and_still_tells_when_a_client_leaves():
    assert directive("flush_interval", text("Caddyfile")) == []
    assert directive("encode", text("Caddyfile")) == []


@pytest.mark.anyio
async def test_what_a_proxy_closes_are_the_gateway_s_own_pages():
    [closed] = directive("@closed path", text("Caddyfile"))
    at_nginx = re.findall(r"location = (/\w+)\s*\{ return 404; \}", text("nginx.conf"))
    assert sorted(closed.split()) == sorted(at_nginx) == ["/metrics", "/readyz"]
    assert set(at_nginx) <= await routes()
    [asked] = directive("health_uri", text("Caddyfile"))
    assert asked == "/readyz"  # and so, not the one that a draining gateway still answers with 200


def test_systemd_leaves_time_to_drain_and_does_not_restart_what_needs_a_person():
    unit = text("memory-gateway.service")
    [stop] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(stop) > DEFAULTS["shutdown_grace"] + 2 * 2  # cut, recorded, closed
    [prevented] = re.findall(r"^RestartPreventExitStatus=(\d+)$", unit, re.MULTILINE)
    assert int(prevented) == 2
    assert "DynamicUser=yes" in unit
