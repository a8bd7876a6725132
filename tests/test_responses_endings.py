"""However a response ends, the client is told the truth and the turn is recorded as it was."""

import asyncio
from typing import Any

import httpx
import openai
import orjson
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.adapters.upstream import Timeouts
from gateway.memory.model import Ending, Scope
from tests.leaving import leave_when, read_all
from tests.scripted_responses import closed, opened, piece, response, said, streamed, typed
from tests.scripted_upstream import DONE, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
HALF = "You live in Lis"
BEGUN = [*opened(), piece(HALF)]
STREAM = [("content-type", "text/event-stream")]
ASK: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "user": "ann",
    "conversation": "c",
    "input": "I live in Lisbon.",
}


async def answer_to(script, timeouts=None, **more):
    """What the client gets, the turns that are recorded, and the memories made of them."""
    async with scripted_upstream(script) as upstream, served(upstream.url, timeouts=timeouts) as it:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", f"{it.url}/v1/responses", json=ASK | more) as response,
        ):
            got = b"".join([chunk async for chunk in response.aiter_raw()])
        await it.learned()
        turns = await it.gateway.store.get_turns(ANN, "c", 10)
        async with httpx.AsyncClient(trust_env=False) as client:
            listed = await client.post(
                f"{it.url}/api/openmem/v1/get/memory", json={"user_id": "ann"}
            )
    found = listed.json()["data"]["memory_detail_list"]
    return got, turns, " ".join(item["memory_value"] for item in found)


def error_in(event: bytes) -> dict[str, Any]:
    name, data, *rest = event.split(b"\n")
    assert name == b"event: error"
    assert rest == [b"", b""]
    return orjson.loads(data.removeprefix(b"data: "))


async def resets(exchange):
    await exchange.head(200, STREAM)
    await exchange.chunk(b"".join(BEGUN))
    await asyncio.sleep(0.05)  # so that the piece is not lost with the connection
    exchange.abort()


async def ends_early(exchange):
    await exchange.stream(*BEGUN)


async def stalls(exchange):
    await exchange.head(200, STREAM)
    await exchange.chunk(b"".join(BEGUN))
    await exchange.closed.wait()


@pytest.mark.parametrize(
    ("script", "code", "ending"),
    [
        (resets, "upstream_broken", Ending.UPSTREAM_BROKE),
        (ends_early, "upstream_broken", Ending.UPSTREAM_BROKE),
        (stalls, "upstream_timeout", Ending.UPSTREAM_STALLED),
    ],
)
async def test_an_answer_that_breaks_off_ends_in_one_error_event(script, code, ending):
    got, [turn], learned = await answer_to(script, Timeouts(connect=2, first_byte=5, idle=0.3))
    assert got.startswith(b"".join(BEGUN))
    error = error_in(got.removeprefix(b"".join(BEGUN)))
    assert (error["type"], error["code"], error["sequence_number"]) == ("error", code, 5)
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert turn.ending is ending
    assert turn.messages[-1].text == HALF  # the record is whole
    assert "I live in Lisbon." in learned
    assert HALF not in learned


@pytest.mark.parametrize("mode", ["on", "off"])
async def test_the_official_client_raises_when_an_answer_breaks_off(mode):
    async with scripted_upstream(resets) as upstream, served(upstream.url) as it:
        client = openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k", max_retries=0)
        async with client:
            headers = {"x-memory": mode}
            ask: dict[str, Any] = {"model": "m", "input": "Hi", "extra_headers": headers}
            with pytest.raises(openai.APIError, match="broke off"):
                async for _ in await client.responses.create(**ask, stream=True):
                    pass
            with pytest.raises(openai.APIError, match="broke off"):
                async with client.responses.stream(**ask) as stream:
                    async for _ in stream:
                        pass


async def test_a_stream_that_broke_off_with_memory_off_ends_in_an_error_event_too():
    got, turns, _ = await answer_to(resets, memory={"mode": "off"})
    error = error_in(got.removeprefix(b"".join(BEGUN)))
    assert error["error"]["code"] == "upstream_broken"
    assert turns == []


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("completed", Ending.COMPLETE),
        ("incomplete", Ending.COMPLETE),
        ("failed", Ending.UPSTREAM_BROKE),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_server_says_of_its_end_passes_as_it_is(status, ending, stream):
    sent = b"".join([*BEGUN, closed(HALF, status=status)])
    whole = response(said(HALF), status=status)

    async def script(exchange):
        if stream:
            await exchange.stream(sent)
        else:
            await exchange.json(whole)

    got, [turn], learned = await answer_to(script, stream=stream)
    assert got == (sent if stream else orjson.dumps(whole))
    assert turn.ending is ending
    assert "I live in Lisbon." in learned
    assert (HALF in learned) is (ending is Ending.COMPLETE)


@pytest.mark.parametrize("after", [b"", closed(HALF, status="failed")])
async def test_an_error_of_the_servers_own_is_the_only_one(after):
    sent = [*BEGUN, typed("error", 5, code="server_error", message="oh", param=None)]

    async def script(exchange):
        await exchange.stream(*sent, after) if after else await exchange.stream(*sent)

    got, [turn], learned = await answer_to(script)
    assert got == b"".join([*sent, after])
    assert turn.ending is Ending.UPSTREAM_BROKE
    assert HALF not in learned


@pytest.mark.parametrize("after", [b"", DONE])
async def test_a_server_that_keeps_its_connection_after_the_end_is_not_awaited(after):
    sent = b"".join([*streamed("Hello."), after])

    async def script(exchange):
        await exchange.head(200, STREAM)
        await exchange.chunk(sent)
        await exchange.closed.wait()

    got, [turn], _ = await answer_to(script)
    assert got == sent
    assert turn.ending is Ending.COMPLETE
    assert turn.messages[-1].text == "Hello."


class SlowToRecord(FakeStore):
    """Is not done writing a turn before the answer has to end."""

    def __init__(self):
        super().__init__()
        self.begun = asyncio.Event()

    async def put_turn(self, scope, turn):
        self.begun.set()
        await asyncio.sleep(2)
        await super().put_turn(scope, turn)


async def test_the_end_waits_for_the_turn_to_be_recorded_and_no_longer_than_it_may():
    *before, last = streamed("Hello.")

    async def script(exchange):
        await exchange.stream(*before, last)

    store = SlowToRecord()
    async with scripted_upstream(script) as upstream, served(upstream.url, store=store) as it:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", f"{it.url}/v1/responses", json=ASK) as response,
        ):
            got = b""
            async for chunk in response.aiter_raw():
                got += chunk
                if not got.endswith(last):  # the end has not been told, and waits for the record
                    complete = asyncio.get_running_loop().time()
            took = asyncio.get_running_loop().time() - complete
    assert got == b"".join([*before, last])
    assert store.begun.is_set()
    assert 0.2 < took < 1.5


@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("window", ["headers", "first chunk", "middle", "whole answer"])
async def test_when_the_client_leaves_the_upstream_is_closed(window, mode):
    reached = asyncio.Event()

    async def script(exchange):
        if window == "whole answer":
            await exchange.head(200, [("content-type", "application/json")], length=1000)
            await exchange.raw(b'{"output":')
        elif window != "headers":
            await exchange.head(200, STREAM)
        if window == "middle":
            await exchange.chunk(b"".join(BEGUN))
            await asyncio.sleep(0.05)  # for the piece to be read and passed on
        reached.set()
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        body = ASK | {"stream": window != "whole answer", "memory": {"mode": mode}}
        await leave_when(reached, read_all(f"{it.url}/v1/responses", body))
        async with asyncio.timeout(5):
            await upstream.exchanges[0].closed.wait()
        await it.learned()
        turns = await it.gateway.store.get_turns(ANN, "c", 5)
    assert [turn.ending for turn in turns] == ([Ending.CLIENT_GONE] if mode == "on" else [])
    if window == "middle" and turns:
        assert [m.text for m in turns[0].messages] == ["I live in Lisbon.", HALF]


async def test_a_client_that_does_not_read_is_given_up():
    async def script(exchange):
        await exchange.head(200, STREAM)
        await exchange.chunk(b"".join(opened()))
        while not exchange.closed.is_set():
            await exchange.chunk(piece("x" * 60_000))

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url, client_write_timeout=0.2) as it,
    ):
        host, port = it.url.removeprefix("http://").split(":")
        body = orjson.dumps(ASK)
        _, writer = await asyncio.open_connection(host, int(port), limit=1024)
        head = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        async with asyncio.timeout(10):
            await upstream.arrived.wait()
            await upstream.exchanges[0].closed.wait()
        writer.close()
        await it.learned()
        [turn] = await it.gateway.store.get_turns(ANN, "c", 5)
    assert turn.ending is Ending.CLIENT_GONE
    assert turn.messages[0].text == "I live in Lisbon."


async def test_leaving_at_the_end_counts_as_finished():
    async def script(exchange):
        await exchange.head(200, STREAM)
        await exchange.chunk(b"".join(streamed("Yes.")))
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
            async for event in await client.responses.create(**ASK):
                if event.type == "response.completed":
                    break
        await it.learned()
        [turn] = await it.gateway.store.get_turns(ANN, "c", 5)
    assert turn.ending is Ending.COMPLETE
    assert turn.messages[-1].text == "Yes."


async def test_an_unstreamed_answer_that_breaks_off_is_a_502():
    async def script(exchange):
        await exchange.head(200, [("content-type", "application/json")], length=100)
        await exchange.raw(b'{"output":')
        exchange.abort()

    got, turns, _ = await answer_to(script, stream=False)
    assert orjson.loads(got)["error"]["code"] == "upstream_broken"
    assert turns == []
