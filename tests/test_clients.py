"""Clients that people use, unchanged, in processes of their own, get what they get elsewhere."""

import asyncio

import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.adapters.upstream import Timeouts
from tests.clients.running import CLIENTS, running
from tests.openai_model import (
    CALLS,
    ERRORS,
    PLACE,
    REASONING,
    REFUSAL,
    REQUEST_ID,
    TEXT,
    USAGE,
    VECTOR,
    OpenAIModel,
)
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
# Which know neither a refusal nor a cut by name.
NO_OBJECT = {"ai-sdk": "AI_NoObjectGeneratedError", "llama-index": "ValidationError"}


@pytest.fixture(scope="module", params=CLIENTS)
def client(request):
    with running(request.param) as it:
        yield it


async def test_what_one_conversation_told_is_in_the_prompt_of_the_next(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("remembers", it.url)
        _, *asked = [_last_text(request) for request in upstream.received]
    assert list(saw) == ["nobody", "X-User-Id", "user", "metadata", "safety_identifier"]
    for way, question in zip(saw, asked, strict=True):
        assert question.endswith("Which city do I live in?")
        assert ("I live in Lisbon." in question) == (way != "nobody")
        memory = "empty" if way == "nobody" else "hit"
        assert saw[way] == {"memory": memory, "request_id": REQUEST_ID, "text": TEXT}


@pytest.mark.parametrize("heartbeat", [0, 0.02], ids=["silent", "heartbeats"])
async def test_a_stream_says_what_the_model_said_and_counts_what_it_counted(client, heartbeat):
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, heartbeat_seconds=heartbeat) as it,
    ):
        saw = await client.follow("streams", it.url)
    assert {"talks", "thinks", "quiet", "slow"} <= set(saw)
    for name, stream in saw.items():
        thinks = name.startswith("thinks") and client.name != "langchain-openai"
        reasoning = REASONING if thinks else ""
        usage = USAGE["total_tokens"]
        assert stream == {"text": TEXT, "reasoning": reasoning, "usage": usage}, name


async def test_its_own_tool_loop_sends_the_same_block_in_each_step_and_is_one_turn(client):
    store = FakeStore()
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, store=store) as it,
    ):
        saw = await client.follow("uses tools", it.url)
        await it.learned()
    turns = store._turns.values()
    assert saw == {"plain": TEXT, "streamed": TEXT}
    for at, who in ((0, "plain"), (3, "streamed")):
        _, first, second = upstream.received[at : at + 3]
        question, *added = second.json["messages"]
        assert first.json["messages"] == [question]
        assert "I live in Lisbon." in _last_text(first)
        assert [call["id"] for call in added[0]["tool_calls"]] == [call for call, _, _ in CALLS]
        results = {m["tool_call_id"]: m["content"] for m in added[1:]}
        assert results == {"call_1": "22 degrees in Lisbon", "call_2": "ten in Europe/Lisbon"}
        of_who = [[m.role for m in turn.messages] for turn in turns if turn.scope.user == who]
        assert of_who == [
            ["user", "assistant"],
            ["user", "assistant", "tool", "tool", "assistant"],
        ]


async def test_structured_output_is_parsed_and_its_failures_are_told(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("parses", it.url)
    failures = {"refusal": REFUSAL, "cut": "LengthFinishReasonError"}
    if client.name in NO_OBJECT:
        failures = dict.fromkeys(failures, NO_OBJECT[client.name])
    assert saw == {"parsed": PLACE, "streamed": PLACE} | failures
    assert {r.json["response_format"]["type"] for r in upstream.received} == {"json_schema"}


async def test_an_error_is_the_class_that_the_client_has_for_it(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("fails", it.url)
    for status, name in CLASSES.items():
        told = {
            "status": status,
            "code": ERRORS[status][1],
            "request_id": REQUEST_ID,
            "retry_after": "1",
        }
        for how in ("whole", "streamed"):
            error = saw[f"{status} {how}"]
            assert ("AI_APICallError" if client.name == "ai-sdk" else name) in error.pop("classes")
            assert error == told
    assert len(upstream.received) == 2 * len(CLASSES)


async def test_a_refused_request_is_tried_again_when_the_upstream_said(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        assert await client.follow("tries again", it.url) == TEXT
    assert len(upstream.received) == 2


async def test_an_answer_that_is_cut_off_raises(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("is cut off", it.url)
    assert saw["text"]
    assert TEXT.startswith(saw["text"])
    assert saw["class"] == ("upstream_error" if client.name == "ai-sdk" else "APIError")


async def test_a_client_that_leaves_ends_the_upstreams_work(client):
    patient = Timeouts(connect=2, first_byte=60, idle=60)  # so that none of them ends it
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, timeouts=patient) as it,
    ):
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(client.follow("leaves", it.url))
            while len(upstream.exchanges) < 2:
                upstream.arrived.clear()
                await upstream.arrived.wait()
            await upstream.exchanges[0].closed.wait()
            client.tell()
            await upstream.exchanges[1].closed.wait()


async def test_the_other_endpoints_answer_as_the_upstream_does(client):
    async with scripted_upstream(OpenAIModel()) as upstream, served(upstream.url) as it:
        saw = await client.follow("asks elsewhere", it.url)
    expected = {
        "models": ["talks"],
        "model": "org/model",
        "completion": TEXT,
        "completion, streamed": TEXT,
        "vectors": [VECTOR, VECTOR],
        "base64": saw.get("base64"),
    }
    assert saw == {name: expected[name] for name in saw}
    assert {"completion", "completion, streamed", "vectors"} <= set(saw)


def _last_text(request):
    content = request.json["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]
