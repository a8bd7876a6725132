"""Where clients bring their own keys, each key is a project of its own, and goes on untouched."""

import stat

import httpx
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.adapters.secret_file import NAME, kept_secret
from gateway.errors import StartupError
from gateway.keys.identity import Identity
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

SECRET = "of-the-gateway's-own-and-long-enough"
ANN, BOB = "sk-ann-0000000000000001", "sk-bob-0000000000000002"
TOLD = {"model": "m", "messages": [{"role": "user", "content": "The vault code is heron."}]}
ASKED = {"model": "m", "messages": [{"role": "user", "content": "What is the vault code?"}]}
SETTINGS = {"auth": "client", "identity_secret": SECRET}


async def chat(it, body, *headers) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{it.url}/v1/chat/completions", json=body, headers=list(headers))


def bearer(key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {key}")


async def test_people_are_told_apart_by_the_keys_that_their_upstream_gave_them():
    store = FakeStore()
    async with scripted_upstream() as upstream, served(upstream.url, store=store, **SETTINGS) as it:
        await chat(it, TOLD, bearer(ANN))
        await it.learned()
        seen = {}
        for key in (ANN, BOB):
            response = await chat(it, ASKED, bearer(key))
            assert upstream.last.header("authorization") == f"Bearer {key}"
            seen[key] = (response.headers["x-memory-status"], b"heron" in upstream.last.body)
        projects = {turn.scope.project for turn in store._turns.values()}
    assert seen == {ANN: ("hit", True), BOB: ("empty", False)}
    assert len(projects) == 2
    assert not [project for project in projects if "ann" in project or "bob" in project]


async def test_the_memory_api_knows_them_too():
    async with scripted_upstream() as upstream, served(upstream.url, **SETTINGS) as it:
        await chat(it, TOLD, bearer(ANN))
        await it.learned()
        seen = {}
        async with httpx.AsyncClient(trust_env=False) as client:
            for key in (ANN, BOB):
                response = await client.post(
                    f"{it.url}/api/openmem/v1/get/memory",
                    json={"user_id": "default"},
                    headers={"authorization": f"Token {key}"},
                )
                seen[key] = b"heron" in response.content
    assert seen == {ANN: True, BOB: False}


async def test_without_a_key_and_with_one_of_ours_that_is_none_nobody_is_served():
    wrong = "mgw-abcdefgh-" + "x" * 43
    async with scripted_upstream() as upstream, served(upstream.url, **SETTINGS) as it:
        for headers in (
            [],
            [("authorization", "Bearer")],
            [("authorization", f"Basic {ANN}")],
            [bearer(wrong)],
            [("x-gateway-key", ANN)],
            [("x-gateway-key", wrong), bearer(ANN)],
        ):
            assert (await chat(it, ASKED, *headers)).status_code == 401, headers
    assert upstream.received == []


async def test_a_key_of_ours_still_says_whose_project_it_is():
    store, settings = FakeStore(), SETTINGS | {"api_keys": "team:ours-and-secret"}
    async with scripted_upstream() as upstream, served(upstream.url, store=store, **settings) as it:
        await chat(it, TOLD, ("x-gateway-key", "ours-and-secret"), bearer(ANN))
        await it.learned()
        assert upstream.last.header("authorization") == f"Bearer {ANN}"
        [turn] = store._turns.values()
    assert turn.scope.project == "team"


async def test_nobody_is_an_administrator_by_a_key_of_their_own():
    async with scripted_upstream() as upstream, served(upstream.url, **SETTINGS) as it:
        async with httpx.AsyncClient(trust_env=False, headers=dict([bearer(ANN)])) as client:
            for path in ("/v1/admin/keys", "/metrics"):
                assert (await client.get(it.url + path)).status_code == 403


def test_without_the_secret_a_project_tells_nothing_of_its_key():
    one, other = Identity(SECRET), Identity(SECRET[::-1])
    assert one.of(ANN) == Identity(SECRET).of(ANN)
    assert len({each.of(key).project for each in (one, other) for key in (ANN, BOB)}) == 4


def test_the_secret_is_made_once_and_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "data"
    secret = kept_secret(folder)
    assert len(secret) >= 43
    assert kept_secret(folder) == secret
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


def test_a_secret_that_was_lost_is_not_made_anew_unseen(tmp_path):
    (tmp_path / NAME).write_text("")
    with pytest.raises(StartupError, match=NAME):
        kept_secret(tmp_path)
