"""`memory-gateway keys` works on a data folder, and on the gateway that serves from it."""

import json

import httpx
import pytest

from tests import process

pytestmark = pytest.mark.process

ADMIN = "the-admins-own-key"
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


@pytest.fixture(name="cache")
def _cache(default_model_folder):
    return default_model_folder.parent


def asked(url: str, key: str) -> int:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(
        f"{url}/v1/chat/completions", json=ASK, headers=headers, trust_env=False
    ).status_code


def test_keys_are_made_before_a_gateway_serves_and_while_it_does(cache, tmp_path):
    given = {"data_dir": str(tmp_path / "data"), "cache_dir": str(cache), "admin_keys": ADMIN}

    def keys(*words: str, **more: str) -> dict:
        answer = process.command("keys", *words, "--json", **(given | more))
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    first = keys("create", "team-a", "--name", "first", "--days", "7", "--in-flight", "3")
    assert (first["project"], first["name"], first["in_flight"]) == ("team-a", "first", 3)
    with process.gateway(tmp_path, cache, admin_keys=ADMIN) as gateway:
        port = {"port": gateway.url.rpartition(":")[2]}
        assert asked(gateway.url, first["key"]) == 200
        second = keys("rotate", first["id"], "--grace-hours", "0", **port)
        assert (asked(gateway.url, first["key"]), asked(gateway.url, second["key"])) == (401, 200)
        keys("revoke", second["id"], **port)
        assert asked(gateway.url, second["key"]) == 401
        listed = keys("list", **port)["keys"]
        assert [(each["id"], each["status"]) for each in listed] == [
            (second["id"], "revoked"),
            (first["id"], "expired"),
        ]
        refused = process.command("keys", "list", **(given | port | {"admin_keys": "another"}))
        assert refused.returncode == 2
        assert "GATEWAY_ADMIN_KEYS" in refused.stderr
        absent = process.command("keys", "revoke", "mgw-nonesuch", **given, **port)
        assert (absent.returncode, len(absent.stderr.splitlines())) == (1, 1)
    shown = process.command("keys", "list", **given)
    assert first["id"] in shown.stdout
    assert first["key"][13:] not in shown.stdout + gateway.log.read_text()


def test_a_new_key_is_the_only_word_on_standard_output(cache, tmp_path):
    given = {"data_dir": str(tmp_path / "data"), "cache_dir": str(cache)}
    made = process.command("keys", "create", "team-a", **given)
    assert made.stdout.startswith("mgw-")
    assert len(made.stdout.split()) == 1
    wrong = process.command("keys", "create", "team-a", "--scope", "everything", **given)
    assert wrong.returncode == 2
    assert "memory:read" in wrong.stderr


def test_help_shows_examples():
    for words in ((), ("create",), ("list",), ("revoke",), ("rotate",)):
        told = process.command("keys", *words, "--help")
        assert told.returncode == 0
        assert not words or "Example: memory-gateway keys" in told.stdout
