"""Keys are made, listed, replaced and revoked; each opens its project's memories and no more."""

import asyncio
import re

import httpx
import pytest
import structlog

from gateway.adapters.fake_registry import FakeRegistry
from gateway.adapters.fake_store import FakeStore
from gateway.errors import StoreError
from gateway.keys.key import KIND, OWN, WRITTEN, Allowance, Grant, Key, digest_of
from gateway.keys.keyring import REFRESH, TRUSTED, Keyring
from gateway.memory.model import Scope
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("S7")]

ADMIN = "the-admins-own-key"
TOLD = {"model": "m", "user": "ann", "messages": [{"role": "user", "content": "I live in Lisbon."}]}
ASKED = {"model": "m", "user": "ann", "messages": [{"role": "user", "content": "Where do I live?"}]}
SEARCH = {"user_id": "ann", "query": "Where do I live?", "relativity": 0}


class Clock:
    """Milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def __call__(self) -> int:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


class Watched(FakeRegistry):
    """A registry that counts how often it is read, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.fails = False

    async def get_entries(self, scope, kind, ids):
        self.reads += 1
        if self.fails:
            raise StoreError
        return await super().get_entries(scope, kind, ids)


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="registry")
def _registry():
    return Watched()


@pytest.fixture(name="keyring")
def _keyring(registry, clock):
    return Keyring(registry, [Key(id="s", digest=digest_of("settled"), project="s")], clock=clock)


async def test_a_key_is_256_random_bits_behind_its_id_and_is_kept_as_a_digest(keyring, registry):
    made = [await keyring.create("p") for _ in range(50)]
    assert len({written for _, written in made}) == 50
    for key, written in made:
        assert WRITTEN.fullmatch(written)
        assert written.startswith(f"{key.id}-")
        assert key.digest == digest_of(written)
    entries, _ = await registry.list_entries(OWN, KIND, limit=100)
    kept = str(entries)
    assert all(key.digest in kept and written[13:] not in kept for key, written in made)


async def test_a_key_is_what_it_was_made_as(keyring, registry, clock):
    allowance = Allowance(requests_per_minute=1, in_flight=2, tokens_per_minute=3, tokens_per_day=4)
    grants = frozenset({Grant.READ})
    key, written = await keyring.create(
        "p", name="n", grants=grants, allowance=allowance, expires=clock.now + 5000
    )
    again = Keyring(registry, clock=clock)
    assert await again.find(written) == key
    assert (key.project, key.name, key.grants, key.allowance) == ("p", "n", grants, allowance)
    clock.passes(5)
    assert await again.find(written) is None


async def test_what_is_no_key_of_ours_asks_the_store_for_nothing(keyring, registry):
    for written in (
        "",
        "x",
        "sk-1234",
        "mgw-",
        "mgw-abcdefgh-" + "x" * 42,
        "mgw-ABCDEFGH-" + "x" * 43,
    ):
        assert await keyring.find(written) is None
    assert registry.reads == 0


async def test_a_key_made_elsewhere_is_known_at_once_and_one_revoked_there_is_not_for_long(
    keyring, registry, clock
):
    elsewhere = Keyring(registry, clock=clock)
    await elsewhere.refresh(0)
    clock.passes(2)
    key, written = await keyring.create("p")
    assert await elsewhere.find(written) == key
    await keyring.revoke(key.id)
    assert await keyring.find(written) is None
    assert await elsewhere.find(written) == key
    clock.passes(REFRESH)
    await elsewhere.refresh(REFRESH)  # as the gateway does by itself
    assert await elsewhere.find(written) is None


async def test_known_keys_cost_no_call_and_a_flood_of_unknown_ones_one_a_second(
    keyring, registry, clock
):
    _, written = await keyring.create("p")
    before = registry.reads
    for _ in range(100):
        assert await keyring.find(written)
    assert registry.reads == before
    unknown = [written[:-3] + f"{number:03}" for number in range(100)]
    clock.passes(1)
    assert set(await asyncio.gather(*map(keyring.find, unknown))) == {None}
    assert registry.reads <= before + 1


async def test_while_the_store_is_down_known_keys_work_for_a_while_and_nobody_knows_others(
    keyring, registry, clock
):
    key, written = await keyring.create("p")
    registry.fails = True
    clock.passes(TRUSTED - 1)
    assert await keyring.find(written) == key
    with pytest.raises(StoreError):
        await keyring.find(written[:-3] + "abc")
    clock.passes(2)
    with pytest.raises(StoreError):
        await keyring.find(written)
    assert (await keyring.find("settled")).project == "s"
    registry.fails = False
    clock.passes(1)
    assert await keyring.find(written) == key


async def test_a_store_that_is_down_is_asked_once_a_second_at_most(keyring, registry, clock):
    _, written = await keyring.create("p")
    registry.fails = True
    clock.passes(2)
    before = registry.reads
    for number in range(20):
        with pytest.raises(StoreError):
            await keyring.find(written[:-3] + f"{number:03}")
    assert registry.reads == before + 1


async def test_a_replaced_key_and_the_new_one_both_live_for_the_grace_time(keyring, clock):
    old, was = await keyring.create("p", name="n", grants=frozenset({Grant.CHAT}))
    new, written = await keyring.rotate(old.id, grace=10)
    assert (new.project, new.name, new.grants) == (old.project, old.name, old.grants)
    assert (await keyring.find(was)).id == old.id
    clock.passes(10)
    assert await keyring.find(was) is None
    assert await keyring.find(written) == new
    assert await keyring.rotate(old.id) is None


async def test_a_key_that_ends_is_replaced_by_one_that_lasts_as_long(keyring, clock):
    old, was = await keyring.create("p", expires=clock.now + 5000)
    clock.passes(4)
    new, _ = await keyring.rotate(old.id, grace=3600)
    assert new.expires == clock.now + 5000
    assert (await keyring.find(was)).expires == old.expires  # no longer than it would have lived


async def test_a_key_that_is_none_is_neither_revoked_nor_replaced(keyring):
    assert await keyring.revoke("mgw-nonesuch") is None
    assert await keyring.rotate("mgw-nonesuch") is None


async def as_(it, key: str, method: str, path: str, body=None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return await client.request(method, it.url + path, json=body, headers=headers)


async def made(it, **asked) -> dict:
    response = await as_(it, ADMIN, "POST", "/v1/admin/keys", {"project": "p"} | asked)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()


async def test_keys_are_managed_over_http_with_an_admins_key():
    async with served(admin_keys=ADMIN) as it:
        key = await made(it, name="one", expires_in_days=1, in_flight=7)
        assert re.fullmatch(WRITTEN, key["key"])
        assert (await as_(it, key["key"], "POST", "/v1/chat/completions", TOLD)).status_code == 200
        [listed] = (await as_(it, ADMIN, "GET", "/v1/admin/keys")).json()["keys"]
        assert listed == {name: value for name, value in key.items() if name != "key"}
        path = f"/v1/admin/keys/{key['id']}"
        new = (await as_(it, ADMIN, "POST", f"{path}/rotate", {"grace_hours": 1})).json()
        for written in (key["key"], new["key"]):
            response = await as_(it, written, "POST", "/v1/chat/completions", TOLD)
            assert response.status_code == 200
        revoked = (await as_(it, ADMIN, "DELETE", path)).json()
        assert revoked["status"] == "revoked"
        gone = await as_(it, key["key"], "POST", "/v1/chat/completions", TOLD)
        assert gone.status_code == 401
        assert (await as_(it, new["key"], "POST", "/v1/chat/completions", TOLD)).status_code == 200
        listed = (await as_(it, ADMIN, "GET", "/v1/admin/keys")).json()["keys"]
        assert {each["id"]: each["status"] for each in listed} == {
            key["id"]: "revoked",
            new["id"]: "live",
        }


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "project"),
        ({"project": ""}, "project"),
        ({"project": "p\n"}, "project"),
        ({"project": "p", "scopes": ["everything"]}, "scopes.0"),
        ({"project": "p", "scopes": []}, "scopes"),
        ({"project": "p", "expires_in_days": 0}, "expires_in_days"),
        ({"project": "p", "in_flight": -1}, "in_flight"),
        ({"project": "p", "tokens_per_day": 1e300}, "tokens_per_day"),
        ({"project": "p", "key": "of-my-own"}, "key"),
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_made_is_a_400_that_names_the_field(asked, param):
    async with served(admin_keys=ADMIN) as it:
        response = await as_(it, ADMIN, "POST", "/v1/admin/keys", asked)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/admin/keys/mgw-nonesuch"),
        ("POST", "/v1/admin/keys/mgw-nonesuch/rotate"),
        ("GET", "/v1/admin/nothing"),
        ("PUT", "/v1/admin/keys"),
        ("PATCH", "/v1/admin/keys/x"),
    ],
)
async def test_what_is_not_there_is_a_404_and_never_the_upstreams(method, path):
    async with scripted_upstream() as upstream, served(upstream.url, admin_keys=ADMIN) as it:
        assert (await as_(it, ADMIN, method, path)).status_code == 404
    assert upstream.received == []


CALLS = {
    "chat": ("POST", "/v1/chat/completions", TOLD),
    "responses": ("POST", "/v1/responses", {"model": "m", "input": "Hello?"}),
    "models": ("GET", "/v1/models", None),
    "search": ("POST", "/api/openmem/v1/search/memory", SEARCH),
    "get": ("POST", "/api/openmem/v1/get/memory", {"user_id": "ann"}),
    "add": (
        "POST",
        "/api/openmem/v1/add/message",
        {"user_id": "ann", "messages": [{"role": "user", "content": "Hello."}]},
    ),
    "metrics": ("GET", "/metrics", None),
    "keys": ("GET", "/v1/admin/keys", None),
}


@pytest.mark.parametrize(
    ("scopes", "opened"),
    [
        (["chat"], "chat responses models"),
        (["memory:read"], "search get"),
        (["memory:write"], "add"),
        (["metrics"], "metrics"),
        (["admin"], "keys metrics"),
        (None, "chat responses models search get add"),
    ],
    ids=str,
)
async def test_a_key_opens_its_scopes_and_nothing_else(scopes, opened):
    async with served(admin_keys=ADMIN) as it:
        key = await made(it, **({"scopes": scopes} if scopes else {}))
        for name, (method, path, body) in CALLS.items():
            response = await as_(it, key["key"], method, path, body)
            assert response.status_code == (200 if name in opened.split() else 403), name
            if name not in opened.split():
                told = response.json()
                assert told.get("code", told.get("error")), name


@pytest.mark.parametrize(
    ("scopes", "status", "kept"),
    [
        (["chat"], "off", 0),
        (["chat", "memory:read"], "hit", 0),
        (["chat", "memory:write"], "off", 1),
        (["chat", "memory:read", "memory:write"], "hit", 1),
    ],
    ids=str,
)
async def test_a_chat_has_as_much_of_memory_as_its_key_opens(scopes, status, kept):
    async with scripted_upstream() as upstream, served(upstream.url, admin_keys=ADMIN) as it:
        whole = await made(it)
        await as_(it, whole["key"], "POST", "/v1/chat/completions", TOLD)
        await it.learned()
        ann = Scope("p", "ann")
        _, before = await it.gateway.store.list_turns(ann, limit=1)
        key = await made(it, scopes=scopes)
        response = await as_(it, key["key"], "POST", "/v1/chat/completions", ASKED)
        await it.learned()
        assert response.headers["x-memory-status"] == status
        assert (b"Lisbon" in upstream.last.body) is (status == "hit")
        _, after = await it.gateway.store.list_turns(ann, limit=1)
        assert after - before == kept


async def test_every_use_of_an_admins_key_is_logged_without_what_was_asked():
    with structlog.testing.capture_logs() as logged:
        async with served(admin_keys=ADMIN, log_level="error") as it:
            key = await made(it, name="for-the-heron")
            await as_(it, ADMIN, "DELETE", f"/v1/admin/keys/{key['id']}")
            await as_(it, ADMIN, "GET", "/metrics")
    used = [event for event in logged if event["event"] == "admin key used"]
    assert [(event["key"], event["method"], event["route"]) for event in used] == [
        ("admin-1", "POST", "/v1/admin/keys"),
        ("admin-1", "DELETE", "/v1/admin/keys/{id}"),
        ("admin-1", "GET", "/metrics"),
    ]
    assert {event["log_level"] for event in used} == {
        "critical"
    }  # whatever is left out, this is not
    for secret in (ADMIN, key["key"], "heron"):
        assert secret not in str(logged)


async def test_the_first_key_that_is_made_closes_the_gateway_to_whoever_has_none():
    async with served() as it:
        assert (await as_(it, "", "POST", "/v1/chat/completions", TOLD)).status_code == 200
        answer = await as_(it, "", "POST", "/v1/admin/keys", {"project": "p"})
        assert (await as_(it, "", "POST", "/v1/chat/completions", TOLD)).status_code == 401
        key = answer.json()
        assert (await as_(it, key["key"], "POST", "/v1/chat/completions", TOLD)).status_code == 200


async def test_while_the_store_is_down_the_settings_keys_work_and_unknown_ones_get_a_503():
    store = FakeStore()

    async def fails(*_args, **_kwargs):
        raise StoreError

    setattr(store.registry, "get_entries", fails)  # noqa: B010  the store's own fault
    unknown = "mgw-abcdefgh-" + "x" * 43
    async with served(store=store, api_keys="p:settled", admin_keys=ADMIN) as it:
        ok = await as_(it, "settled", "POST", "/v1/chat/completions", TOLD)
        refused = await as_(it, unknown, "POST", "/v1/chat/completions", TOLD)
        memos = await as_(it, unknown, "POST", "/api/openmem/v1/search/memory", SEARCH)
        wrong = await as_(it, "no-key", "POST", "/v1/chat/completions", TOLD)
        listed = await as_(it, ADMIN, "GET", "/v1/admin/keys")
    assert (ok.status_code, refused.status_code, wrong.status_code) == (200, 503, 401)
    for told in (refused, listed):
        assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert told.json()["error"]["code"] == "keys_unavailable"
    assert (memos.status_code, memos.json()["code"]) == (503, 50004)


async def test_a_registered_key_goes_on_to_no_upstream_whoever_sent_it():
    async with scripted_upstream() as upstream, served(upstream.url, admin_keys=ADMIN) as it:
        mine, other = await made(it), await made(it, project="q")
        await as_(it, ADMIN, "DELETE", f"/v1/admin/keys/{other['id']}")
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = [
                ("x-gateway-key", mine["key"]),
                ("authorization", f"Bearer {other['key']}"),
                ("x-one", f"key={mine['key']}; x"),
                ("x-two", ADMIN),
                ("x-kept", "mgw-abcdefgh-" + "x" * 43),  # of another gateway, further on
            ]
            response = await client.post(
                f"{it.url}/v1/chat/completions", json=ASKED, headers=headers
            )
    assert response.status_code == 200
    names = {name.lower() for name, _ in upstream.last.headers}
    assert names.isdisjoint({"x-gateway-key", "authorization", "x-one", "x-two"})
    assert "x-kept" in names


@pytest.mark.parametrize("written", ["settled-key", None])
async def test_a_key_in_an_address_is_refused_and_goes_nowhere(written):
    async with scripted_upstream() as upstream:
        async with served(upstream.url, admin_keys=ADMIN, api_keys="p:settled-key") as it:
            written = written or (await made(it))["key"]
            response = await as_(it, written, "GET", f"/v1/models?api_key={written}")
    assert response.status_code == 401
    assert written not in response.text
    assert upstream.received == []
