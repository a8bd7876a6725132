"""`/v1/responses` has the same memory as chat completions, and passes the same way through."""

import asyncio
from typing import Any

import httpx
import openai
import orjson
import pytest
from pydantic import BaseModel

from gateway.adapters.fake_store import FakeStore
from gateway.errors import StoreError
from gateway.memory.model import Scope
from tests.scripted_responses import (
    answer_with,
    called,
    closed,
    opened,
    piece,
    response,
    says_hello,
    typed,
)
from tests.scripted_upstream import says_hello as chat_says_hello
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
TOLD = "My sister Anna is allergic to peanuts."
ASKED = "What is my sister Anna allergic to?"
ODD = (
    b": a comment\n\n"
    + b"".join(opened())
    + piece("\xe9 \U0001f388 \u2028 \x85", 4, obfuscation="a8Zk", logprobs=[{"logprob": -0.3}])
    + typed("response.future.delta", 5, anything={"b": 1, "a": [1.10]})
    + piece(".", 6).replace(b"\n", b"\r\n").replace(b"data: ", b"data:")
    + typed("response.output_item.added", 7, output_index=1, item=called("f", ""))
    + typed("response.function_call_arguments.delta", 8, output_index=1, delta="{}")
    + closed("\xe9 \U0001f388 \u2028 \x85.")
)


async def post(url: str, body: dict[str, Any] | bytes, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{url}/v1/responses",
            content=content,
            headers={"content-type": "application/json"} | headers,
        )


async def both_say_hello(exchange):
    responses = exchange.request.path.endswith("/responses")
    await (says_hello if responses else chat_says_hello)(exchange)


@pytest.mark.parametrize("mode", ["on", "off", "read", "write"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
async def test_a_stream_split_anywhere_arrives_as_it_was_sent(mode, size):
    async def script(exchange):
        await exchange.stream(*(ODD[at : at + size] for at in range(0, len(ODD), size)))

    ask = {"model": "m", "input": "Hello?", "stream": True, "user": "ann"}
    named = {"x-memory": mode, "x-conversation-id": "c"}
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await post(it.url, ask, **named)
        await it.learned()
        turns = await it.gateway.store.get_turns(ANN, "c", 5)
    assert upstream.last.path == "/v1/responses"
    assert got.content == ODD
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    texts = [message.text for turn in turns for message in turn.messages]
    kept = ["Hello?", "\xe9 \U0001f388 \u2028 \x85."]
    assert texts == (kept if mode in {"on", "write"} else [])


REQUEST = (
    b'{"model" : "m","temperature":1e0, "top_p":0.30000000000000004,"top_p":0.5,'
    b'"reasoning":{"effort":"low","z":12345678901234567890123},"include":["a.b"],'
    b'"background":false,"store":false,"stream_options":{"include_obfuscation":false},'
    b'"prompt":{"id":"pmpt_1","variables":{"x":1.10}},"instructions":"Be \\u0062rief.",'
    b'"input":[{"type":"reasoning","id":"rs_1","encrypted_content":"AA==","summary":[]},'
    b'{"type":"item_reference","id":"msg_0"},{"type":"future","data":{"b":2,"a":null}},'
    b'{"role":"user","content":[{"type":"input_image","image_url":"data:,","detail":"auto"},'
    b'{"type":"input_text","text":"\\u0048ello, what do I say? \\/ "}]},'
    b'{"type":"function_call","call_id":"c1","name":"f","arguments":"{ \\"a\\":1 }"},'
    b'{"type":"function_call_output","call_id":"c1","output":"42"}],"stream":false,"user":"ann"}'
)


@pytest.mark.parametrize("mode", ["on", "off", "read", "write"])
async def test_a_request_without_memories_to_add_goes_on_as_it_came(mode):
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        got = await post(it.url, REQUEST, **{"x-memory": mode})
    assert got.status_code == httpx.codes.OK
    assert upstream.last.body == REQUEST


async def test_a_request_with_memories_differs_by_the_block_alone():
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        told = "Hello, I always say hello."
        await post(it.url, {"model": "m", "user": "ann", "input": told})
        await it.learned()
        got = await post(it.url, REQUEST)
    sent = upstream.last.body
    start = next(i for i, (a, b) in enumerate(zip(sent, REQUEST, strict=False)) if a != b)
    added = len(sent) - len(REQUEST)
    assert added > 0
    assert sent[:start] + sent[start + added :] == REQUEST
    part = orjson.loads(sent)["input"][3]["content"][0]
    assert part["type"] == "input_text"
    assert "I always say hello" in part["text"]
    assert got.headers["x-memory-status"] == "hit"


async def test_our_own_member_of_the_body_does_not_go_on():
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        await post(it.url, {"model": "m", "input": "Hi", "memory": {"mode": "on"}})
    assert upstream.last.json == {"model": "m", "input": "Hi"}


@pytest.mark.parametrize("told_in", ["responses", "chat"])
async def test_what_is_said_in_one_api_is_recalled_in_the_other(told_in):
    async with scripted_upstream(both_say_hello) as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:

            async def chat(text):
                said: Any = [{"role": "user", "content": text}]
                await client.chat.completions.create(model="m", messages=said, user="ann")
                return upstream.last.json["messages"][-1]["content"]

            async def respond(text):
                await client.responses.create(model="m", input=text, user="ann")
                return upstream.last.json["input"]

            tell, ask = (respond, chat) if told_in == "responses" else (chat, respond)
            await tell(TOLD)
            await it.learned()
            sent = await ask(ASKED)
    assert TOLD in sent
    assert sent.endswith(ASKED)


async def test_an_answer_is_remembered_too():
    async def script(exchange):
        await answer_with(exchange, "Bruno the dog likes liver sausage.")

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await post(it.url, {"model": "m", "user": "ann", "input": "Tell me.", "stream": True})
        await it.learned()
        await post(it.url, {"model": "m", "user": "ann", "input": "What does Bruno like?"})
    assert "liver sausage" in upstream.last.json["input"]


class Weather(BaseModel):
    city: str
    degrees: int


async def test_the_official_client_streams_parses_and_creates():
    async def script(exchange):
        await answer_with(exchange, '{"city":"Lisbon","degrees":22}')

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
            created = await client.responses.create(model="m", input="Weather?")
            events = await client.responses.create(model="m", input="Weather?", stream=True)
            kinds = [event.type async for event in events]
            parsed = await client.responses.parse(model="m", input="?", text_format=Weather)
            async with client.responses.stream(model="m", input="?", text_format=Weather) as stream:
                numbers = [event.sequence_number async for event in stream]
                final = await stream.get_final_response()
            raw = await client.responses.with_raw_response.create(model="m", input="Weather?")
    assert created.output_text == '{"city":"Lisbon","degrees":22}'
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert parsed.output_parsed == final.output_parsed == Weather(city="Lisbon", degrees=22)
    assert numbers == list(range(10))
    assert raw.headers["x-memory-status"] in {"empty", "hit"}
    assert upstream.last.json == {"model": "m", "input": "Weather?"}


async def test_a_response_goes_on_from_the_one_that_it_names():
    async def script(exchange):
        number = len(upstream.received)
        text = f"Answer {number}."
        await answer_with(exchange, text, id_=f"resp_{number}")

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        ask = {"model": "m", "user": "ann"}
        first = await post(it.url, ask | {"input": "One.", "stream": True})
        named = first.headers["x-conversation-id"]
        second = await post(it.url, ask | {"input": "Yes.", "previous_response_id": "resp_1"})
        third = await post(it.url, ask | {"input": "Yes.", "previous_response_id": "resp_2"})
        other = await post(
            it.url, {"model": "m", "user": "bob", "input": "Yes.", "previous_response_id": "resp_1"}
        )
        await it.learned()
        turns = await it.gateway.store.get_turns(ANN, named, 10)
    assert {r.headers["x-conversation-id"] for r in (second, third)} == {named}
    assert other.headers["x-conversation-id"] != named
    assert [turn.preceding for turn in turns] == ["", "Answer 1.", "Answer 2."]
    assert [turn.messages[-1].text for turn in turns] == ["Answer 1.", "Answer 2.", "Answer 3."]
    assert upstream.received[1].json == ask | {"input": "Yes.", "previous_response_id": "resp_1"}


async def test_a_history_that_is_resent_is_recorded_once():
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
            history: list[Any] = []
            names = set()
            for text in ("I live in Lisbon.", "I have a dog.", "Goodbye."):
                history.append({"role": "user", "content": [{"type": "input_text", "text": text}]})
                answer = await client.responses.with_raw_response.create(
                    model="m", user="ann", input=history
                )
                names.add(answer.headers["x-conversation-id"])
                history += [item.model_dump() for item in answer.parse().output]
                await it.learned()
        [named] = names
        turns = await it.gateway.store.get_turns(ANN, named, 10)
    said = [[message.text for message in turn.messages] for turn in turns]
    assert said == [[text, "Hello."] for text in ("I live in Lisbon.", "I have a dog.", "Goodbye.")]


async def test_what_the_model_has_before_it_already_is_not_recalled():
    async def script(exchange):
        await answer_with(exchange, "I see.", id_=f"resp_{len(upstream.received)}")

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        ask = {"model": "m", "user": "ann"}
        await post(it.url, ask | {"input": TOLD})
        await it.learned()
        await post(it.url, ask | {"input": ASKED, "previous_response_id": "resp_1"})
        assert upstream.last.json["input"] == ASKED
        await post(it.url, ask | {"input": ASKED})
        assert TOLD in upstream.last.json["input"]


async def test_a_named_conversation_is_the_conversation():
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        ask = {"model": "m", "user": "ann", "input": "Hi"}
        told = await post(it.url, ask | {"conversation": {"id": "conv_1"}})
        again = await post(it.url, ask | {"conversation": "conv_1", "input": "Bye"})
        ours = await post(it.url, ask | {"conversation": "conv_1"}, **{"x-conversation-id": "c"})
    assert upstream.last.json == ask | {"conversation": "conv_1"}
    names = [r.headers["x-conversation-id"] for r in (told, again, ours)]
    assert names == ["conv_1", "conv_1", "c"]


class Failing(FakeStore):
    """Finds no turn, and says so."""

    async def find_turn(self, scope, refs):  # noqa: ARG002  as a store has it
        raise StoreError


class Slow(FakeStore):
    """Is not done looking before the request has been answered."""

    async def find_turn(self, scope, refs):
        await asyncio.sleep(30)
        return await super().find_turn(scope, refs)


@pytest.mark.parametrize("store", [Failing, Slow])
async def test_a_lookup_that_goes_wrong_costs_no_more_than_recall_may(store):
    async with scripted_upstream(says_hello) as upstream, served(upstream.url, store=store()) as it:
        ask = {"model": "m", "user": "ann", "previous_response_id": "resp_0"}
        begun = asyncio.get_running_loop().time()
        got = await post(it.url, ask | {"input": "Hi"})
        took = asyncio.get_running_loop().time() - begun
        step = [{"type": "function_call_output", "call_id": "c", "output": "1"}]
        bare = await post(it.url, ask | {"input": step})
    assert got.status_code == bare.status_code == httpx.codes.OK
    assert got.headers["x-conversation-id"]
    assert took < 10  # the look takes thirty
    assert bare.headers["x-memory-status"] == "off"
    assert upstream.last.json == ask | {"input": step}


async def test_an_answer_to_come_leaves_only_what_the_user_said():
    async def script(exchange):
        await exchange.json(response(status="queued", background=True))

    ask = {"model": "m", "user": "ann", "input": TOLD, "background": True, "conversation": "c"}
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await post(it.url, ask)
        await it.learned()
        [turn] = await it.gateway.store.get_turns(ANN, "c", 5)
    assert upstream.last.json == ask
    assert [message.text for message in turn.messages] == [TOLD]
    assert turn.refs[0] == "response:resp_1"


async def test_a_template_without_an_input_is_passed_on():
    async with scripted_upstream(says_hello) as upstream, served(upstream.url) as it:
        got = await post(it.url, {"prompt": {"id": "pmpt_1"}})
    assert got.headers["x-memory-status"] == "off"
    assert upstream.last.json == {"prompt": {"id": "pmpt_1"}}


async def test_an_error_before_the_first_byte_passes_with_its_status_and_body():
    async def script(exchange):
        error = {"error": {"message": "slow down", "type": "t", "param": None, "code": "c"}}
        await exchange.json(error, status=429, headers=[("retry-after", "7")])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await post(it.url, {"model": "m", "input": "Hi", "user": "ann"})
    assert got.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert got.json()["error"]["message"] == "slow down"
    assert got.headers["retry-after"] == "7"
