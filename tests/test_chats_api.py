"""Conversations are listed, read again and deleted; what is learned of one is told as it is."""

import asyncio
import json

import httpx
import pytest

from gateway.keys.key import Grant
from gateway.memory.model import Kind, Scope, Status
from gateway.memory.ports import Selection
from tests.served import served

pytestmark = pytest.mark.anyio

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))


async def said(client, text, conversation="c", user="ann"):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    headers = {"x-user-id": user, "x-conversation-id": conversation}
    response = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert response.status_code == 200


async def asked(client, path, method="GET", user="ann"):
    return await client.request(method, path, headers={"x-user-id": user})


@pytest.fixture
async def here():
    async with served() as here:
        yield here


@pytest.fixture
async def client(here):
    async with httpx.AsyncClient(base_url=here.url, trust_env=False) as client:
        yield client


async def test_conversations_are_listed_latest_first_by_what_was_said_first(here, client):
    await said(client, "I live in   Lisbon.", "first")
    await said(client, "Hello.", "second")
    await said(client, "And I like it.", "first")
    await said(client, "Somebody else's.", user="bob")
    await here.learned()
    listed = (await asked(client, "/v1/chats")).json()
    assert [(c["id"], c["title"]) for c in listed["data"]] == [
        ("first", "I live in Lisbon."),
        ("second", "Hello."),
    ]
    assert listed["has_more"] is False
    one = (await asked(client, "/v1/chats?limit=1")).json()
    assert ([c["id"] for c in one["data"]], one["has_more"]) == (["first"], True)


async def test_a_conversation_is_read_as_it_was_held_and_a_new_one_is_empty(here, client):
    await said(client, "One.", "a/b?c")
    await said(client, "Two.", "a/b?c")
    await here.learned()
    read = (await asked(client, "/v1/chats/a%2Fb%3Fc")).json()["data"]
    assert [m["role"] for m in read] == ["user", "assistant"] * 2
    assert [m["content"] for m in read][::2] == ["One.", "Two."]
    assert (await asked(client, "/v1/chats/new")).json()["data"] == []
    assert (await asked(client, "/v1/chats/a%2Fb%3Fc", user="bob")).json()["data"] == []


async def test_a_conversation_is_deleted_with_what_was_learned_of_it(here, client):
    await said(client, "I live in Lisbon.", "c")
    await said(client, "I have a dog called Rex.", "d")
    await here.learned()
    assert (await asked(client, "/v1/chats/c", "DELETE", user="bob")).status_code == 404
    assert (await asked(client, "/v1/chats/c", "DELETE")).json()["deleted"] is True
    again = await asked(client, "/v1/chats/c", "DELETE")
    assert again.status_code == 404
    assert again.json()["error"]["code"] == "chat_not_found"
    scope = Scope("default", "ann")
    left, _ = await here.gateway.store.list_memories(scope, EVERYTHING, limit=50)
    assert left
    assert {memory.conversation for memory in left} == {"d"}


async def events(client, path):
    heard = []
    async with client.stream("GET", path, headers={"x-user-id": "ann"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        event = ""
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                event = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                heard.append((event, json.loads(line.removeprefix("data:"))))
                if event == "end":
                    break
    return heard


async def test_what_is_learned_of_the_latest_turn_is_told_and_then_the_end(client):
    await said(client, "I live in Lisbon.")
    async with asyncio.timeout(10):
        *memories, last = await events(client, "/v1/chats/c/learned")
    assert [(kind, m["content"]) for kind, m in memories] == [("memory", "I live in Lisbon.")]
    assert last == ("end", {})
    await said(client, "Good morning!")
    async with asyncio.timeout(10):
        assert await events(client, "/v1/chats/c/learned") == [("end", {})]
        assert await events(client, "/v1/chats/unknown/learned") == [("end", {})]


async def test_how_things_stand_is_told_in_full_to_an_admins_key_alone():
    async with served(api_keys="acme:the-key-of-acme") as here:
        both = frozenset({Grant.READ, Grant.ADMIN})
        _, admins = await here.gateway.keyring.create("acme", grants=both)
        async with httpx.AsyncClient(base_url=here.url, trust_env=False) as client:
            told = []
            for key in (admins, "the-key-of-acme"):
                headers = {"authorization": f"Bearer {key}"}
                async with client.stream("GET", "/v1/status/events", headers=headers) as response:
                    async for line in response.aiter_lines():
                        if line.startswith("data:"):
                            told.append(json.loads(line.removeprefix("data:")))
                            break
    admin, other = told
    assert admin["status"] == other["status"] == "ok"
    assert admin["parts"] == other["parts"] == {"store": "ok"}
    assert admin["pending"] == 0
    assert admin["in_flight"] == 1
    for count in ("pending", "parked", "oldest_seconds", "spooled", "in_flight", "recall_ms"):
        assert other[count] is None, count
    assert other["memories"] == 0
