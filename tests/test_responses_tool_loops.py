"""In a tool loop of the Responses API the steps are one turn, however the client sends them."""

from typing import Any

import openai
import pytest

from gateway.memory.model import Scope
from gateway.memory.tools import memory_id
from tests.scripted_responses import called, response, said
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

TOOLS: Any = [{"type": "function", "name": "weather", "parameters": {}, "strict": False}]
QUESTION = "What is the weather like where I live?"
STEP: Any = {"type": "function_call_output", "call_id": "call_1", "output": "22 degrees"}
ROLES = ["user", "assistant", "tool", "assistant"]


@pytest.fixture
async def loop():
    """A gateway whose upstream calls a tool once; a client; what the user ann has told it."""

    async def calls_a_tool_once(exchange):
        number = len(upstream.received)
        given = exchange.request.json["input"]
        stepped = isinstance(given, list) and given[-1].get("type") == "function_call_output"
        item = called("weather", "{}")
        if stepped or "tools" not in exchange.request.json:
            item = said("Sunny.")
        await exchange.json(response(item, id_=f"resp_{number}"))

    async with (
        scripted_upstream(calls_a_tool_once) as upstream,
        served(upstream.url) as it,
        openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client,
    ):

        async def ask(**body: Any):
            answer = await client.responses.with_raw_response.create(model="m", user="ann", **body)
            await it.learned()
            return answer.headers, answer.parse()

        await ask(input="I live in Lisbon.")
        yield upstream, it, ask


async def turns_of(it, conversation):
    return await it.gateway.store.get_turns(Scope("default", "ann"), conversation, 10)


async def test_every_step_that_resends_the_question_carries_the_same_block(loop):
    upstream, it, ask = loop
    more: dict[str, Any] = {"tools": TOOLS, "metadata": {"conversation_id": "c"}}
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    _, answer = await ask(input=history, **more)
    first = upstream.last.json["input"]
    await ask(input="The weather where I live is like April.")
    call = answer.output[0].model_dump(exclude_none=True)
    headers, answer = await ask(input=[*history, call, STEP], **more)
    assert answer.output_text == "Sunny."
    assert "Lisbon" in first[0]["content"]
    assert upstream.last.json["input"] == [*first, call, STEP]
    assert headers["x-memory-status"] == "hit"
    [turn] = await turns_of(it, "c")
    assert [m.role for m in turn.messages] == ROLES


async def test_steps_that_send_the_output_alone_belong_to_the_turn_before(loop):
    upstream, it, ask = loop
    headers, first = await ask(input=QUESTION, tools=TOOLS)
    named = headers["x-conversation-id"]
    assert "Lisbon" in upstream.last.json["input"]
    step = {"input": [STEP], "tools": TOOLS, "previous_response_id": first.id}
    headers, second = await ask(**step)
    assert upstream.last.json == step | {"model": "m", "user": "ann"}
    assert (headers["x-memory-status"], headers["x-memory-count"]) == ("empty", "0")
    assert headers["x-conversation-id"] == named
    [turn] = await turns_of(it, named)
    assert [m.role for m in turn.messages] == ROLES
    given = [ref for ref in turn.refs if ref.startswith("response:")]
    assert given == [f"response:{first.id}", f"response:{second.id}"]
    ann = Scope("default", "ann")
    [use] = await it.gateway.store.get_memories(ann, [memory_id(ann, "weather")])
    assert use.text.startswith("weather worked 1 of 1 times.")
    headers, _ = await ask(input="Thank you!", previous_response_id=second.id)
    assert headers["x-conversation-id"] == named
    assert [t.preceding for t in await turns_of(it, named)] == ["", "Sunny."]


async def test_an_output_for_a_turn_that_nobody_knows_is_passed_on(loop):
    upstream, _, ask = loop
    step = {"input": [STEP], "previous_response_id": "resp_unknown"}
    headers, answer = await ask(**step)
    assert answer.output_text == "Sunny."
    assert upstream.last.json == step | {"model": "m", "user": "ann"}
    assert headers["x-memory-status"] == "off"
