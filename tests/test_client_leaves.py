"""When the client leaves, the model's server sees its connection closed, in every window."""

import asyncio
import statistics

import httpx
import orjson
import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.memory.model import Ending, Scope
from tests.leaving import leave_when, read_all
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

SECONDS = 0.1  # within which the server must see it, in the median
TIMES = 5


def ask(*, stream: bool = True) -> dict:
    return {
        "model": "m",
        "stream": stream,
        "user": "ann",
        "metadata": {"conversation_id": "c"},
        "messages": [{"role": "user", "content": "I live in Lisbon."}],
    }


def chat(it, body: dict | None = None):
    return read_all(f"{it.url}/v1/chat/completions", body or ask())


async def before_headers(exchange, reached):
    reached.set()
    await exchange.closed.wait()


async def before_the_first_chunk(exchange, reached):
    await exchange.head(200, [("content-type", "text/event-stream")])
    reached.set()
    await exchange.closed.wait()


async def in_the_middle(exchange, reached):
    await exchange.head(200, [("content-type", "text/event-stream")])
    await exchange.chunk(delta("You live"))
    await asyncio.sleep(0.05)  # for the piece to be read and passed on
    reached.set()
    await exchange.closed.wait()


async def in_an_unstreamed_answer(exchange, reached):
    await exchange.head(200, [("content-type", "application/json")], length=1000)
    await exchange.raw(b'{"choices":')
    reached.set()
    await exchange.closed.wait()


@pytest.mark.fault("F25")
@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize(
    "window",
    [before_headers, before_the_first_chunk, in_the_middle, in_an_unstreamed_answer],
    ids=lambda window: window.__name__,
)
async def test_the_upstream_is_closed(window, mode):
    reached = asyncio.Event()

    async def script(exchange):
        await window(exchange, reached)

    took = []
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        body = ask(stream=window is not in_an_unstreamed_answer) | {"memory": {"mode": mode}}
        for time in range(TIMES):
            reached.clear()
            await leave_when(reached, chat(it, body))
            left = asyncio.get_running_loop().time()
            async with asyncio.timeout(10 * SECONDS):
                await upstream.exchanges[time].closed.wait()
            took.append(asyncio.get_running_loop().time() - left)
        await it.learned()
        turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
        assert [turn.ending for turn in turns] == ([Ending.CLIENT_GONE] if mode == "on" else [])
    assert statistics.median(took) < SECONDS


class Waits(FakeEmbedder):
    """Never done with a question; `asked` is set when one has come."""

    def __init__(self):
        super().__init__()
        self.asked = asyncio.Event()

    async def embed_query(self, text):
        self.asked.set()
        await asyncio.Event().wait()
        return await super().embed_query(text)


@pytest.mark.fault("F25")
@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_during_recall_is_noticed_when_its_time_is_up(stream):
    waits = Waits()

    async def script(exchange):
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, embedder=waits) as it:
            await leave_when(waits.asked, chat(it, ask(stream=stream)))
            await it.gateway.drain.finished(within=5)
            assert len(it.gateway.drain) == 0
            await it.gateway.background.join()
            turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
        for exchange in upstream.exchanges:  # none at all, mostly
            async with asyncio.timeout(5):
                await exchange.closed.wait()
    assert [turn.ending for turn in turns] == [Ending.CLIENT_GONE]


@pytest.mark.fault("F25")
async def test_leaving_amid_the_body_sends_nothing_upstream():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        host, port = it.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"
        )
        await writer.drain()
        async with asyncio.timeout(5):
            while not len(it.gateway.drain):  # noqa: ASYNC110  that it has begun is what is awaited
                await asyncio.sleep(0.01)
        writer.transport.abort()
        await it.gateway.drain.finished(within=5)
        assert len(it.gateway.drain) == 0
        assert upstream.received == []


@pytest.mark.fault("F26")
async def test_closing_half_of_the_connection_is_leaving():
    """Nothing tells a client that only sends no more from one that has gone, until it is written
    to; and that the model stops at once when its reader has gone is worth more.
    """
    reached = asyncio.Event()

    async def script(exchange):
        await before_the_first_chunk(exchange, reached)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        host, port = it.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        body = orjson.dumps(ask())
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s"
        writer.write(head % (len(body), body))
        await asyncio.wait_for(reached.wait(), 5)
        writer.write_eof()
        async with asyncio.timeout(5):
            await upstream.exchanges[0].closed.wait()
        await it.learned()
        [turn] = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
        writer.close()
    assert turn.ending is Ending.CLIENT_GONE


async def test_what_the_user_said_is_kept_and_what_was_delivered_too():
    reached = asyncio.Event()

    async def script(exchange):
        await in_the_middle(exchange, reached)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await leave_when(reached, chat(it))
        await upstream.exchanges[0].closed.wait()
        await it.learned()
        [turn] = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
    assert [m.text for m in turn.messages] == ["I live in Lisbon.", "You live"]


@pytest.mark.fault("F25")
async def test_leaving_at_done_counts_as_finished():
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Yes.", "stop") + DONE)
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", f"{it.url}/v1/chat/completions", json=ask()) as response,
        ):
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    break
        await it.learned()
        [turn] = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 5)
    assert turn.ending is Ending.COMPLETE


async def test_nothing_is_left_behind_by_a_hundred_that_leave():
    reached = asyncio.Event()

    async def script(exchange):
        await in_the_middle(exchange, reached)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await leave_when(reached, chat(it))
        await it.learned()
        before = len(asyncio.all_tasks())
        for _ in range(20):
            reached.clear()
            await asyncio.gather(*(leave_when(reached, chat(it)) for _ in range(5)))
        async with asyncio.timeout(5):
            await asyncio.gather(*(exchange.closed.wait() for exchange in upstream.exchanges))
            await it.learned()
            while len(asyncio.all_tasks()) > before + 5:  # noqa: ASYNC110  no event tells of it
                await asyncio.sleep(0.01)
