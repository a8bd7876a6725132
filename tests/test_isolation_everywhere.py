"""No route tells or changes anything without a key that opens it, nor across projects and users.

The routes are those that the application has, and the requests are made from the models of its
operations: a route that is added is tried without being named here. One that has neither a model
nor a place among PLAIN fails.
"""

import copy
import json
import re
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.http.access import MEMOS_PREFIX
from gateway.http.app import routes
from gateway.http.auth import OPEN_PATHS
from gateway.http.description.document import families
from gateway.http.grants import ADMIN_PREFIX, has, needed
from gateway.keys.key import Grant
from tests.asking import QUESTION, Known, bodies, is_asked, placed
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ADMIN, ACME, GLOBEX = "an-admins-key", "key-of-acme", "key-of-globex"
KEYS = {"admin_keys": ADMIN, "api_keys": f"acme:{ACME},globex:{GLOBEX}"}
SECRET = "The vault code of the lighthouse is heron."
WORD = "heron"
WATCHED = "/v1/status/events"
ANN, CONVERSATION = "ann", "the-conversation-of-ann"
PLAIN = {  # routes whose requests are not read by a model
    *("/v1/chat/completions", "/chat/completions", "/v1/responses", "/responses"),
    *("/v1/completions", "/completions", "/v1/embeddings", "/embeddings", "/v1/{path:path}"),
    *("/v1/models", "/models", "/v1/models/{model:path}", "/models/{model:path}"),
    *("/v1/responses/{id:path}", "/responses/{id:path}", "/metrics"),
    WATCHED,
    ADMIN_PREFIX + "{path:path}",
}
CALLS = [
    ("/" + f"{family.prefix}{each.path}".lstrip("/"), each)
    for family in families()
    for each in family.operations
]
MEMORY_CALLS = [(path, each) for path, each in CALLS if not path.startswith(ADMIN_PREFIX)]
MAKING = ("create", "add", "bind")  # in this order
REFUSED = (400, 404, 405, 413, 415, 422)


def named(call) -> str:
    return f"{call[1].method} {call[0]}"


@asynccontextmanager
async def gateway(store=None):
    async with scripted_upstream() as upstream, served(upstream.url, store=store, **KEYS) as it:
        async with httpx.AsyncClient(trust_env=False, base_url=it.url, timeout=60) as client:
            yield it, upstream, client


def chat(text: str, user: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    metadata = {"conversation_id": CONVERSATION}
    return {"model": "m", "user": user, "messages": messages, "metadata": metadata}


async def call(client, key: str, method: str, path: str, body: Any = None) -> httpx.Response:
    """The answer; of events that are told for as long as somebody listens, its head alone."""
    headers = {"authorization": f"Bearer {key}"}
    asked: dict[str, Any] = {"json": body}
    if method in {"GET", "DELETE"} and not path.startswith(MEMOS_PREFIX):
        query = {name: value for name, value in (body or {}).items() if isinstance(value, str)}
        asked = {"params": query}
    async with client.stream(method, path, headers=headers, **asked) as response:
        if path != WATCHED or response.status_code != 200:
            await response.aread()
    return response


async def everything_of_ann(it, client) -> Known:
    """Have acme's project hold something of every kind, and say what it goes by."""
    known = Known(user_id=ANN, user=ANN, conversation_id=CONVERSATION, chat_id=CONVERSATION)
    await call(client, ACME, "POST", "/v1/chat/completions", chat(SECRET, ANN))
    told = {"user_id": ANN, "conversation_id": CONVERSATION, "async_mode": False}
    told["messages"] = [{"role": "user", "content": SECRET}]
    await call(client, ACME, "POST", f"{MEMOS_PREFIX}v1/add/message", told)
    await it.learned()
    making = [c for verb in MAKING for c in MEMORY_CALLS if f"/{verb}/" in c[0]]
    reading = [c for c in MEMORY_CALLS if Grant.READ in needed(c[1].method, c[0])]
    for path, operation in [*making, *reading]:
        for body in bodies(operation, path, known):
            filled, left = placed(path, body, known)
            response = await call(client, ACME, operation.method, filled, left)
            if (
                response.status_code == 200
                and response.headers["content-type"] == "application/json"
            ):
                document = response.json()
                data = document.get("data", document) if isinstance(document, dict) else document
                known.harvest(data, path.rpartition("/")[2].replace("-", ""))
    await it.learned()
    return known


_ONCE: list[tuple[FakeStore, Known]] = []


async def of_ann() -> tuple[FakeStore, Known]:
    """A store that holds everything of hers, made once, and what it goes by."""
    if not _ONCE:
        store = FakeStore()
        async with gateway(store) as (it, _, client):
            _ONCE.append((store, await everything_of_ann(it, client)))
    store, known = _ONCE[0]
    return copy.deepcopy(store), known


def innocent(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what is looked for in answers to it."""
    return json.loads(json.dumps(body).replace(WORD, "stork"))


def held(store: FakeStore, project: str) -> tuple[object, ...]:
    """Everything that a project has."""
    memories = {k: v for k, v in store._memories.items() if k[0].project == project}
    turns = {k: v for k, v in store._turns.items() if v.scope.project == project}
    entries = {k: v for k, v in store.registry._entries.items() if k[0].project == project}
    return memories, turns, entries


async def test_every_route_is_known_here():
    async with gateway() as (it, _, _):
        every = {route.path for route in routes(it.gateway)}
    assert every - OPEN_PATHS - PLAIN == {path for path, _ in CALLS}


def shape_is_right(path: str, response: httpx.Response) -> bool:
    document = response.json()
    if path.startswith(MEMOS_PREFIX):
        return set(document) == {"code", "data", "message"} and document["data"] is None
    return set(document["error"]) == {"message", "type", "param", "code"}


KEY_STATES = ["none", "empty", "wrong", "wrong in our form", "revoked", "expired", "another scheme"]


@pytest.mark.security("S1")
@pytest.mark.parametrize("state", KEY_STATES)
async def test_no_route_answers_without_a_key_that_lives(state, record_property):
    store = FakeStore()
    async with gateway(store) as (it, upstream, client):
        keyring = it.gateway.keyring
        key, written = await keyring.create("acme", grants=frozenset(Grant))
        if state == "revoked":
            await keyring.revoke(key.id)
        elif state == "expired":
            _, written = await keyring.create("acme", expires=it.gateway.clock() - 1)
        headers = {
            "none": {},
            "empty": {"authorization": "Bearer"},
            "wrong": {"authorization": "Bearer wrong"},
            "wrong in our form": {"authorization": f"Bearer mgw-abcdefgh-{'x' * 43}"},
            "another scheme": {"authorization": f"Basic {written}"},
        }.get(state, {"authorization": f"Bearer {written}"})
        await call(client, ACME, "POST", "/v1/chat/completions", chat(SECRET, ANN))
        await it.learned()
        before, asked, tried = held(store, "acme"), len(upstream.received), 0
        for route in routes(it.gateway):
            if route.path in OPEN_PATHS:
                continue
            path = re.sub(r"{\w+(:path)?}", "x", route.path)
            for method in sorted((route.methods or {"GET", "POST", "DELETE"}) - {"HEAD"}):
                body = chat(QUESTION, ANN) | {"user_id": ANN, "query": QUESTION}
                response = await client.request(method, path, json=body, headers=headers)
                tried += 1
                assert response.status_code == 401, (method, path)
                assert shape_is_right(path, response), (method, path)
                assert WORD not in response.text
        await it.learned()
        assert held(store, "acme") == before
        assert len(upstream.received) == asked
    record_property("cases", tried)


@pytest.mark.security("S1")
@pytest.mark.parametrize("grant", Grant)
async def test_no_route_answers_a_key_that_does_not_open_it(grant, record_property):
    tried = 0
    async with gateway() as (it, upstream, client):
        key, written = await it.gateway.keyring.create("acme", grants=frozenset({grant}))
        for route in routes(it.gateway):
            path = re.sub(r"{\w+(:path)?}", "x", route.path)
            for method in sorted((route.methods or {"POST"}) - {"HEAD"}):
                asked = len(upstream.received)
                response = await call(client, written, method, path, {})
                tried += 1
                if has(key, needed(method, route.path)):
                    assert response.status_code not in {401, 403}, (method, path)
                else:
                    assert response.status_code == 403, (method, path)
                    assert shape_is_right(path, response)
                    assert len(upstream.received) == asked
    record_property("cases", tried)


@pytest.mark.security("S2")
@pytest.mark.parametrize("path_and_call", MEMORY_CALLS, ids=map(named, MEMORY_CALLS))
async def test_nobody_else_learns_or_changes_anything_by_the_names_and_ids_of_this_one(
    path_and_call, record_property
):
    """Of the project, whoever names another user is told nothing; by an id alone all may ask."""
    path, operation = path_and_call
    store, known = await of_ann()
    async with gateway(store) as (it, upstream, client):
        before, asked = held(store, "acme"), len(upstream.received)
        requests = [innocent(body) for body in bodies(operation, path, known)]

        async def told_nothing(key: str, body: dict[str, Any]) -> None:
            filled, left = placed(path, body, known)
            response = await call(client, key, operation.method, filled, left)
            assert response.status_code < 500, (filled, response.text)
            assert WORD not in response.text, (filled, left)

        for body in requests:
            await told_nothing(GLOBEX, body)
        await it.learned()
        assert held(store, "acme") == before
        name = next((n for n in ("user_id", "user") if is_asked(operation.asked, n)), "")
        others = requests if name else []
        for body in others:  # knowledge bases are the whole project's
            own = {name: value for name, value in body.items() if "knowledgebase" not in name}
            await told_nothing(ACME, own | {name: "bob"})
        await it.learned()
        assert not [each for each in upstream.received[asked:] if WORD.encode() in each.body]
    record_property("cases", len(requests) + len(others))


@pytest.mark.parametrize("path_and_call", MEMORY_CALLS, ids=map(named, MEMORY_CALLS))
async def test_what_is_tried_is_what_its_own_project_may_ask(path_and_call):
    """Or else the tests above would be met by refusals alone."""
    path, operation = path_and_call
    store, known = await of_ann()
    async with gateway(store) as (_, _, client):
        statuses = []
        for body in bodies(operation, path, known):
            filled, left = placed(path, body, known)
            response = await call(client, ACME, operation.method, filled, left)
            statuses.append(response.status_code)
    assert [status for status in statuses if status not in REFUSED], statuses


@pytest.mark.security("S2")
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize(("key", "user"), [(GLOBEX, ANN), (ACME, "bob")], ids=["project", "user"])
async def test_no_chat_of_another_recalls_it(path, key, user):
    store, _ = await of_ann()
    async with gateway(store) as (_, upstream, client):
        asked = len(upstream.received)
        body = chat(QUESTION, user) | {"input": QUESTION, "previous_response_id": "resp_1"}
        response = await call(client, key, "POST", path, body)
        assert response.headers["x-memory-count"] == "0"
        assert WORD.encode() not in upstream.received[asked].body
        own = await call(client, ACME, "POST", path, chat(QUESTION, ANN) | {"input": QUESTION})
        assert own.headers["x-memory-status"] in {"hit", "empty"}
