"""One project or user never sees another's memories, whatever the body says."""

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

SECRET = "The vault code of the lighthouse is heron."
QUESTION = "What is the vault code of the lighthouse?"
KEYS = "acme:key-a,globex:key-b"


def chat(text: str, user: str) -> dict:
    return {"model": "m", "user": user, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(name="it", params=["fake", "edge"])
async def _it(request, tmp_path):
    if request.param == "fake":
        store = None
    else:
        embedder = FakeEmbedder()
        store = EdgeStore.open(tmp_path, model=embedder.model, dimension=embedder.dimension)
    async with scripted_upstream() as upstream:
        async with served(upstream.url, store=store, api_keys=KEYS) as it:
            await post(it, "/v1/chat/completions", "key-a", chat(SECRET, "ann"))
            await it.learned()
            yield it, upstream
    if store is not None:
        store.close()


async def post(it, path: str, key: str, body: dict, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            it.url + path, json=body, headers={"authorization": f"Bearer {key}"} | headers
        )


async def test_the_user_is_reminded(it):
    gateway, upstream = it
    response = await post(gateway, "/v1/chat/completions", "key-a", chat(QUESTION, "ann"))
    assert b"heron" in upstream.last.body
    assert response.headers["x-memory-status"] == "hit"


@pytest.mark.parametrize("user", ["bob", "ANN", "ann ", "an", "*", "default", "ann\x1fann"])
async def test_another_user_of_the_project_is_not(it, user):
    gateway, upstream = it
    response = await post(gateway, "/v1/chat/completions", "key-a", chat(QUESTION, user))
    assert b"heron" not in upstream.last.body
    assert response.headers["x-memory-count"] == "0"


async def test_another_project_is_not_whoever_it_says_it_is(it):
    gateway, upstream = it
    body = chat(QUESTION, "ann") | {"project": "acme", "metadata": {"project": "acme"}}
    await post(gateway, "/v1/chat/completions", "key-b", body, **{"x-project": "acme"})
    assert b"heron" not in upstream.last.body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("search/memory", {"query": QUESTION, "relativity": 0}),
        ("get/memory", {}),
    ],
)
async def test_nor_do_the_memos_endpoints_tell(it, path, body):
    gateway, _ = it
    seen = {}
    for key, user in (("key-a", "ann"), ("key-a", "bob"), ("key-b", "ann")):
        response = await post(gateway, f"/api/openmem/v1/{path}", key, body | {"user_id": user})
        seen[key, user] = b"heron" in response.content
    assert seen == {("key-a", "ann"): True, ("key-a", "bob"): False, ("key-b", "ann"): False}


@pytest.mark.parametrize("key", [None, "Bearer", "wrong", "key-a1", "key-a key-b", "Basic a2V5"])
async def test_without_a_valid_key_nothing_is_told_in_either_shape(it, key):
    gateway, upstream = it
    asked = len(upstream.received)
    headers = {} if key is None else {"authorization": key if key == "Bearer" else f"Bearer {key}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        chatted = await client.post(
            f"{gateway.url}/v1/chat/completions", json=chat(QUESTION, "ann")
        )
        searched = await client.post(
            f"{gateway.url}/api/openmem/v1/search/memory",
            json={"user_id": "ann", "query": QUESTION},
        )
    assert chatted.status_code == searched.status_code == httpx.codes.UNAUTHORIZED
    assert set(chatted.json()["error"]) == {"message", "type", "param", "code"}
    bare = key in {None, "Bearer"}
    code, message = (40130, "no key") if bare else (40132, "no valid key")
    assert searched.json() == {"code": code, "data": None, "message": message}
    assert len(upstream.received) == asked


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
async def test_a_key_is_taken_as_openais_and_as_memos_clients_send_it(it, scheme):
    gateway, _ = it
    async with httpx.AsyncClient(trust_env=False) as client:
        found = await client.post(
            f"{gateway.url}/api/openmem/v1/search/memory",
            json={"user_id": "ann", "query": QUESTION, "relativity": 0},
            headers={"authorization": f"{scheme} key-a"},
        )
    assert b"heron" in found.content
