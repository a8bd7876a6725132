"""Clients that speak the Responses API, unchanged, in processes of their own."""

import asyncio

import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.adapters.upstream import Timeouts
from tests.clients.running import running
from tests.openai_model import PLACE, REFUSAL, REQUEST_ID, TEXT, USAGE, OpenAIModel
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

QUESTION = "What is the weather like where I live?"


@pytest.fixture(
    scope="module",
    params=["openai-2", "openai-3", "langchain-openai", "llama-index", "openai-node"],
)
def client(request):
    with running(request.param) as it:
        yield it


async def test_what_was_told_in_a_chat_is_in_the_prompt_of_a_response(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("remembers responses", it.url)
        _, first, second = upstream.received
    assert "I live in Lisbon." in str(first.json["input"])
    assert second.json["previous_response_id"] == "resp_2"
    assert saw == {
        "memory": "hit",
        "request_id": REQUEST_ID,
        "text": TEXT,
        "streamed": TEXT,
        "usage": USAGE["total_tokens"],
        "whole": True,
    }


async def test_structured_output_is_parsed(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("parses responses", it.url)
    if client.name == "llama-index":  # it streams none by a schema, and knows no refusal by name
        assert saw == {"parsed": PLACE, "refusal": "ValueError"}
    else:
        assert saw == {"parsed": PLACE, "streamed": PLACE, "refusal": REFUSAL}
    assert {r.json["text"]["format"]["type"] for r in upstream.received} == {"json_schema"}


async def test_a_tool_loop_is_one_turn_however_the_client_sends_its_steps(client):
    store = FakeStore()
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, store=store) as it,
    ):
        saw = await client.follow("uses tools in responses", it.url)
        await it.learned()
    for number, (way, text) in enumerate(saw.items()):
        assert text == TEXT
        _, first, second = upstream.received[3 * number : 3 * number + 3]
        assert "I live in Lisbon." in str(first.json["input"])
        given = second.json["input"]
        if way == "alone":
            assert second.json["previous_response_id"] == f"resp_{3 * number + 2}"
        else:
            asked = first.json["input"]  # the block with its question; a lone one may be bare
            lone = {"role": "user", "content": asked}
            assert given[0] == (lone if isinstance(asked, str) else asked[0])
        outputs = [i["output"] for i in given if i.get("type") == "function_call_output"]
        assert outputs == ["22 degrees in Lisbon", "ten in Europe/Lisbon"]
        told, looped = [t for t in store._turns.values() if t.scope.user == way]
        assert [m.role for m in told.messages] == ["user", "assistant"]
        assert looped.messages[0].text == QUESTION
        assert looped.messages[-1].text == TEXT
        assert [m.text for m in looped.messages if m.role == "tool"] == outputs


async def test_failures_are_told_and_who_leaves_ends_the_upstreams_work(client):
    patient = Timeouts(connect=2, first_byte=60, idle=60)  # so that none of them ends it
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, timeouts=patient) as it,
    ):
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(client.follow("ends responses", it.url))
            while len(upstream.exchanges) < 4:
                upstream.arrived.clear()
                await upstream.arrived.wait()
            await upstream.exchanges[2].closed.wait()
            client.tell()
            await upstream.exchanges[3].closed.wait()
    saw = leaving.result()
    assert saw["refused"] == ["rate_limit_exceeded", REQUEST_ID]
    assert saw["class"] == "APIError"
    assert saw["text"]
    assert TEXT.startswith(saw["text"])
