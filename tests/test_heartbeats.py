"""While a stream is silent it may show signs of life, which no client takes for anything else."""

import asyncio

import httpx
import openai
import pytest

from gateway.http.heartbeat import HEARTBEAT
from gateway.memory.model import Ending, Scope
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK = {
    "model": "m",
    "stream": True,
    "user": "ann",
    "metadata": {"conversation_id": "c"},
    "messages": [{"role": "user", "content": "I live in Lisbon."}],
}
WHOLE = delta("Hel") + delta("lo.", "stop") + DONE
OFTEN = 0.02


@pytest.fixture(params=["on", "off"])
def mode(request):
    return request.param


async def streamed(it, ask=ASK, *, mode="on", until=None):
    """The status and the bytes of an answer; `until` is set once `marks` of it are there."""
    async with (
        httpx.AsyncClient(trust_env=False, headers={"x-memory": mode}) as client,
        client.stream("POST", f"{it.url}/v1/chat/completions", json=ask) as response,
    ):
        got = b""
        async for piece in response.aiter_raw():
            got += piece
            if until is not None and got.count(HEARTBEAT) > 1:
                until.set()
    return response, got


async def test_without_the_setting_there_are_none(mode):
    async def script(exchange):
        await asyncio.sleep(0.1)
        await exchange.stream(WHOLE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        _, got = await streamed(it, mode=mode)
    assert got == WHOLE


async def test_they_come_before_the_upstreams_headers(mode):
    heard = asyncio.Event()

    async def script(exchange):
        await heard.wait()
        await exchange.stream(WHOLE)

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            response, got = await streamed(it, mode=mode, until=heard)
    assert response.status_code == httpx.codes.OK
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert got.startswith(HEARTBEAT)
    assert got.replace(HEARTBEAT, b"") == WHOLE


async def test_they_come_before_the_first_piece_and_between_lines(mode):
    heard = asyncio.Event()

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream"), ("x-request-id", "r")])
        await heard.wait()
        await exchange.chunk(delta("Hel")[:-1])  # the event's line, not yet its end
        heard.clear()
        await asyncio.sleep(5 * OFTEN)
        await exchange.chunk(b"\n" + delta("lo.", "stop")[:10])
        await asyncio.sleep(5 * OFTEN)
        await exchange.chunk(delta("lo.", "stop")[10:] + DONE)
        await exchange.end()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            response, got = await streamed(it, mode=mode, until=heard)
    assert response.headers["x-request-id"] == "r"
    assert got.replace(HEARTBEAT, b"") == WHOLE
    for line in got.split(b"\n"):
        assert line in {b"", b": ping"} | set(WHOLE.split(b"\n"))


async def test_an_answer_that_is_no_stream_gets_none(mode):
    async def script(exchange):
        await asyncio.sleep(5 * OFTEN)
        await exchange.json({"choices": []})

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            _, got = await streamed(it, ASK | {"stream": False}, mode=mode)
    assert got == b'{"choices":[]}'


async def test_the_official_client_reads_past_them():
    heard = asyncio.Event()

    async def script(exchange):
        await asyncio.sleep(5 * OFTEN)
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(b"id: 1\n" + delta("Hel"))  # after which a client may be touchy
        await asyncio.sleep(5 * OFTEN)
        await exchange.chunk(delta("lo.", "stop") + DONE)
        await exchange.end()
        heard.set()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
                stream = await client.chat.completions.create(
                    model="m", stream=True, messages=[{"role": "user", "content": "Hello?"}]
                )
                said = [chunk.choices[0].delta.content async for chunk in stream]
    assert said == ["Hel", "lo."]


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (
            {"error": {"message": "slow down", "type": "t", "param": None, "code": "c"}},
            "slow down",
            "c",
        ),
        ({"detail": "loading"}, "status 429", "upstream_broken"),
        ({"error": "loading"}, "status 429", "upstream_broken"),
        (["error"], "status 429", "upstream_broken"),
    ],
)
async def test_an_error_after_them_is_told_in_the_stream(body, message, code):
    heard = asyncio.Event()

    async def script(exchange):
        await heard.wait()
        await exchange.json(body, 429)

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            response, got = await streamed(it, until=heard)
            await it.learned()
            turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
    assert response.status_code == httpx.codes.OK
    event = got.replace(HEARTBEAT, b"")
    assert event.startswith(b'data: {"error":{"message":')
    assert message.encode() in event
    assert code.encode() in event
    assert event.endswith(b"}}\n\n")
    assert turns == []


async def test_a_server_that_goes_away_after_them_is_told_in_the_stream():
    heard = asyncio.Event()

    async def script(exchange):
        await heard.wait()
        exchange.abort()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            _, got = await streamed(it, until=heard)
    assert b'"code":"upstream_unreachable"' in got
    assert got.endswith(b"\n\n")


async def test_a_client_that_leaves_during_them_closes_the_upstream():
    async def script(exchange):
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=OFTEN) as it:
            heard = asyncio.Event()
            asking = asyncio.create_task(streamed(it, until=heard))
            await heard.wait()
            asking.cancel()
            async with asyncio.timeout(5):
                await upstream.exchanges[0].closed.wait()
            await it.learned()
            [turn] = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
    assert turn.ending is Ending.CLIENT_GONE
