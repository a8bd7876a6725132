"""A client that leaves, at each moment at which it can, and what the model's server sees of it."""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median

import orjson

from tests.conformance.parties import connected
from tests.scripted_upstream import Exchange, ScriptedUpstream, delta

Window = Callable[[Exchange], Awaitable[None]]

EVENTS = [("content-type", "text/event-stream")]
ASK = {
    "model": "m",
    "user": "ann",
    "metadata": {"conversation_id": "c"},
    "messages": [{"role": "user", "content": "I live in Lisbon."}],
}


async def before_the_headers(_: Exchange) -> None:
    """The server thinks."""


async def before_the_first_chunk(exchange: Exchange) -> None:
    await exchange.head(200, EVENTS)


async def in_the_middle(exchange: Exchange) -> None:
    await exchange.head(200, EVENTS)
    await exchange.chunk(delta("You live"))


async def in_an_answer_that_is_not_streamed(exchange: Exchange) -> None:
    await exchange.head(200, [("content-type", "application/json")], length=1000)
    await exchange.raw(b'{"choices":')


WINDOWS: list[Window] = [
    before_the_headers,
    before_the_first_chunk,
    in_the_middle,
    in_an_answer_that_is_not_streamed,
]


async def seconds_until_seen(
    window: Window, upstream: ScriptedUpstream, url: str, *, mode: str = "on"
) -> float:
    """Ask, leave at that moment, and tell how long the server did not know; the median of five."""
    reached = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await window(exchange)
        reached.set()
        await exchange.closed.wait()

    upstream.script = script
    streams = window is not in_an_answer_that_is_not_streamed
    took = []
    for _ in range(5):
        reached.clear()
        async with connected(url) as inbox:
            await inbox.write(post(ASK | {"stream": streams}, mode))
            await reached.wait()
            if window in {before_the_first_chunk, in_the_middle}:
                await inbox.until(b"\r\n\r\n")
            if window is in_the_middle:
                await inbox.until(b"You live")
            inbox.abort()
            left = asyncio.get_running_loop().time()
            async with asyncio.timeout(5):
                await upstream.exchanges[-1].closed.wait()
            took.append(asyncio.get_running_loop().time() - left)
    return median(took)


def post(document: object, mode: str = "on") -> bytes:
    """A request for a chat, as bytes."""
    body = orjson.dumps(document)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nX-Memory: {mode}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
