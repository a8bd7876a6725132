"""What the offline model answered is seen again with its conversation, and never remembered."""

import json

import httpx
import pytest

from gateway.memory.model import Kind, Scope, Speaker, Status
from gateway.memory.ports import Selection
from gateway.memory.session import lines
from gateway.memory.taken_out import as_left
from tests.memos_calls import call
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
RESPONDS = "No language model is connected"


@pytest.fixture
async def here():
    async with served() as here:
        yield here


@pytest.fixture
async def client(here):
    headers = {"x-user-id": "ann"}
    async with httpx.AsyncClient(base_url=here.url, trust_env=False, headers=headers) as client:
        yield client


async def ask(client, *messages, conversation="c"):
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": text} for i, text in enumerate(messages)]
    named = {"x-conversation-id": conversation} if conversation else {}
    body = {"model": "m", "messages": said}
    response = await client.post("/v1/chat/completions", json=body, headers=named)
    return response.json()["choices"][0]["message"]["content"]


async def test_it_is_shown_with_its_conversation_streamed_or_not(here, client):
    answered = await ask(client, "I live in Lisbon.")
    again = {"role": "user", "content": "Where do I live?"}
    body = {"model": "m", "messages": [again], "stream": True}
    await client.post("/v1/chat/completions", json=body, headers={"x-conversation-id": "c"})
    await here.learned()
    shown = (await client.get("/v1/chats/c")).json()["data"]
    assert [m["role"] for m in shown] == ["user", "assistant"] * 2
    assert shown[1]["content"] == answered
    assert shown[3]["content"].startswith(RESPONDS)


async def test_nothing_is_learned_or_searched_of_it(here, client):
    await ask(client, "I live in Lisbon.")
    await ask(client, "Where do I live?", conversation="d")
    await here.learned()
    held, _ = await here.gateway.store.list_memories(ANN, EVERYTHING, limit=50)
    assert {memory.speaker for memory in held} == {Speaker.USER}
    assert not [memory for memory in held if RESPONDS in memory.text]
    body = {"query": "No language model is connected", "relevance": 0}
    found = (await client.post("/v1/memories/search", json=body)).json()["data"]
    assert not [memory for memory in found if RESPONDS in memory["content"]]


async def test_it_is_in_no_prompt_and_brings_no_deleted_memory_back(here, client):
    await ask(client, "I live in Lisbon.", conversation="d")
    await ask(client, "Where do I live?")
    await here.learned()
    turns = await here.gateway.store.get_turns(ANN, "c", 5)
    assert "Lisbon" in turns[0].messages[-1].text
    left = await as_left(here.gateway.store, ANN, turns)
    assert [(line.role, line.text) for line in lines(left)] == [("user", "Where do I live?")]
    asked = {"user_id": "ann", "conversation_id": "c"}
    told = await call(here.url, "get/message", asked)
    assert [m["content"] for m in told["message_detail_list"]] == ["Where do I live?"]
    added = {"user_id": "ann", "conversation_id": "c", "async_mode": False}
    await call(here.url, "add/message", added | {"messages": [{"role": "user", "content": "Hm."}]})
    turns = await here.gateway.store.get_turns(ANN, "c", 5)
    assert turns[-1].preceding == "Where do I live?"


async def test_a_client_that_resends_it_goes_on_with_the_same_conversation(here, client):
    answered = await ask(client, "I live in Lisbon.", conversation="")
    await here.learned()
    await ask(client, "I live in Lisbon.", answered, "Where do I live?", conversation="")
    await here.learned()
    [chat] = (await client.get("/v1/chats")).json()["data"]
    shown = (await client.get(f"/v1/chats/{chat['id']}")).json()["data"]
    assert [m["role"] for m in shown] == ["user", "assistant"] * 2


async def test_an_export_has_it_marked(here, client):
    await ask(client, "I live in Lisbon.")
    await here.learned()
    exported = (await client.get("/v1/users/ann/export")).text.splitlines()
    [turn] = [line for line in map(json.loads, exported) if line["object"] == "turn"]
    assert [m["repeats"] for m in turn["messages"]] == [False, True]


async def test_what_a_connected_model_says_is_remembered_as_before():
    async with scripted_upstream() as upstream, served(upstream.url) as here:
        headers = {"x-user-id": "ann"}
        async with httpx.AsyncClient(base_url=here.url, trust_env=False, headers=headers) as client:
            await ask(client, "I live in Lisbon.")
            await here.learned()
        held, _ = await here.gateway.store.list_memories(ANN, EVERYTHING, limit=50)
        turns = await here.gateway.store.get_turns(ANN, "c", 1)
        assert {memory.speaker for memory in held} == {Speaker.USER, Speaker.ASSISTANT}
        assert [m.repeats for m in turns[0].messages] == [False, False]
