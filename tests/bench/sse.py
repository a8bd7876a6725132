"""`python -m tests.bench.sse`: sse-starlette's response beside plain ASGI sends, for passthrough.

The same 21 pieces of a stream go through each, over a send that does nothing, in turns.
"""

import asyncio
import statistics
import time

from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus
from starlette.types import Message

from tests.bench.upstream import CHUNKS, sse

PIECES = [sse(number) for number in range(CHUNKS + 1)]
STREAMS = 300
ROUNDS = 7
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def pieces():
    for piece in PIECES:
        yield piece


async def receive() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nobody leaves")


async def send(_message: Message) -> None:
    await asyncio.sleep(0)


async def with_sse_starlette() -> None:
    await EventSourceResponse(pieces(), sep="\n", ping=15)(SCOPE, receive, send)


async def plainly() -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for piece in pieces():
        async with asyncio.timeout(30):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def main() -> None:
    spent: dict[str, list[float]] = {"sse-starlette": [], "plain ASGI": []}
    for _ in range(ROUNDS):
        for name, way in (("sse-starlette", with_sse_starlette), ("plain ASGI", plainly)):
            begun = time.process_time()
            for _ in range(STREAMS):
                await way()
            spent[name].append((time.process_time() - begun) * 1000 / STREAMS)
    AppStatus.should_exit = True
    for name, values in spent.items():
        print(f"{name:14} {statistics.median(values):.2f} CPU-ms for a stream of {len(PIECES)}")


if __name__ == "__main__":
    asyncio.run(main())
