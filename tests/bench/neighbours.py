"""`python -m tests.bench.neighbours`: what one project's abuse does to another, and to memory.

The gateway is alone on one core; the model server, which takes a second for an answer, and all
clients are on the other. Four clients of one project chat, one request after the other: alone, and
then beside another project that does its worst. What is printed is the 95th percentile of their
whole answers, and the most memory that the gateway's process had.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import psutil

from tests.bench.__main__ import _free_port, _wait_for, process
from tests.bench.load import percentile
from tests.scripted_upstream import scripted_upstream

GOOD, BAD = "key-of-the-good-one", "key-of-the-bad-one"
SETTINGS = {
    "GATEWAY_API_KEYS": f"good:{GOOD},bad:{BAD}",
    "GATEWAY_KEY_IN_FLIGHT": "64",
    "GATEWAY_MAX_IN_FLIGHT": "2000",
}
SECONDS = 16  # of each load
ANSWER = 1.0  # seconds that the model server takes
CROWD = 1000
CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "What should I cook?"}],
}
LONG = orjson.dumps(ASK | {"x": "y" * 10_000_000})
MANY = orjson.dumps({"model": "m", "messages": ASK["messages"] * 10_001})
LINE = b"data: " + b"x" * 100_000_000 + b"\n\n"


async def answers(exchange) -> None:
    if exchange.request.json.get("line"):
        await exchange.head(200, [("content-type", "text/event-stream")])
        for start in range(0, len(LINE), 2**20):
            await exchange.chunk(LINE[start : start + 2**20])
        await exchange.end()
        return
    await asyncio.sleep(ANSWER)
    await exchange.json({"choices": [{"message": {"content": "Rice."}, "finish_reason": "stop"}]})


def client(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        trust_env=False,
        headers={"authorization": f"Bearer {key}", "x-memory": "off"},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        timeout=120,
    )


async def chatting(url: str, seconds: float) -> list[float]:
    """Seconds of each answer to the good project's clients."""
    took: list[float] = []

    async def one() -> None:
        async with client(url, GOOD) as good:
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                begun = time.perf_counter()
                response = await good.post(CHAT, json=ASK)
                if response.status_code != httpx.codes.OK:
                    raise RuntimeError(response.text)
                took.append(time.perf_counter() - begun)

    await asyncio.gather(*(one() for _ in range(4)))
    return took


async def a_crowd(url: str) -> None:
    """A thousand at once, each again a second after it was told to come again."""
    parts = urlsplit(url)
    body = orjson.dumps(ASK)
    request = (
        f"POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {BAD}\r\nx-memory: off\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body

    async def one() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while True:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            await asyncio.sleep(1)

    await asyncio.gather(*(one() for _ in range(CROWD)))


def posting(body: bytes, at_once: int) -> Callable[[str], Coroutine[Any, Any, None]]:
    async def post(url: str) -> None:
        async with client(url, BAD) as bad:

            async def one() -> None:
                while True:
                    with suppress(httpx.HTTPError):
                        await bad.post(CHAT, content=body)
                    await asyncio.sleep(1)

            await asyncio.gather(*(one() for _ in range(at_once)))

    return post


async def slow_bodies(url: str) -> None:
    """A thousand connections whose bodies come a byte a second."""
    parts = urlsplit(url)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {BAD}\r\n"
        "content-length: 100000\r\n\r\n{"
    ).encode()

    async def one() -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(head)
                while not writer.is_closing():
                    await asyncio.sleep(1)
                    writer.write(b" ")
            await asyncio.sleep(1)

    await asyncio.gather(*(one() for _ in range(CROWD)))


async def long_lines(url: str) -> None:
    """Answers of one line of 100 MB."""
    async with client(url, BAD) as bad:
        while True:
            async with bad.stream("POST", CHAT, json=ASK | {"stream": True, "line": True}) as line:
                async for _ in line.aiter_raw():
                    pass


LOADS: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
    "1,000 requests at once": a_crowd,
    "bodies of 10 MB": posting(LONG, 8),
    "10,001 messages": posting(MANY, 8),
    "1,000 slow bodies": slow_bodies,
    "a line of 100 MB": long_lines,
}


async def beside(url: str, name: str, child: psutil.Process) -> str:
    """One line: percentiles without it and with it, by turns, and the memory that it took."""
    alone = await chatting(url, SECONDS / 2)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, child.memory_info().rss)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    with process(sys.executable, "-m", __spec__.name, name, url, core=1):
        await asyncio.sleep(3)  # until it is at it
        abused = await chatting(url, SECONDS)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    alone += await chatting(url, SECONDS / 2)
    before, after = percentile(alone, 0.95), percentile(abused, 0.95)
    return (
        f"p95 {before:.3f} s alone, {after:.3f} s beside it ({after / before - 1:+.0%});"
        f" memory at most {most / 2**20:.0f} MiB"
    )


async def main() -> None:
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as folder:
        async with scripted_upstream(answers) as upstream:
            port = _free_port()
            settings = SETTINGS | {
                "GATEWAY_PORT": str(port),
                "GATEWAY_DATA_DIR": str(Path(folder) / "data"),
                "GATEWAY_UPSTREAM_BASE_URL": upstream.url,
            }
            command = [sys.executable, "-m", "gateway", "serve"]
            with process(*command, core=0, **settings) as child:
                url = f"http://127.0.0.1:{port}"
                await asyncio.to_thread(_wait_for, url + "/readyz")
                measured = psutil.Process(child.pid)
                print(f"at rest {measured.memory_info().rss / 2**20:.0f} MiB")
                for name in LOADS:
                    print(f"{name}: {await beside(url, name, measured)}", flush=True)
            await asyncio.sleep(1)  # until the model server's connections have ended too


if __name__ == "__main__":
    if sys.argv[1:]:  # the other project, in a process of its own
        asyncio.run(LOADS[sys.argv[1]](sys.argv[2]))
    else:
        asyncio.run(main())
