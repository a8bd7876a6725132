"""A closed-loop load over keep-alive connections: raw asyncio, so that little of it is our own."""

import asyncio
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_STAMP = re.compile(rb'"created":(\d{10,})')  # see `upstream.stamped`


@dataclass
class Sample:
    """Seconds of every request: to its first piece and to its end, and its headers' recall.

    `first` of an answer in one piece is its end. `forwarded` are those from the first piece's being
    sent upstream to its arrival, where it says when.
    """

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    recall_ms: list[float] = field(default_factory=list)
    forwarded: list[float] = field(default_factory=list)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: list[float]) -> float:
    return statistics.median(values)


async def load(
    url: str, body: Callable[[int], bytes], *, clients: int, requests: int, headers: str = ""
) -> Sample:
    """`requests` in all, spread over `clients`; `body` makes the nth request's."""
    sample, numbers = Sample(), iter(range(requests))
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(url, body, numbers, headers, sample))
    return sample


async def _client(url, body, numbers, headers, sample) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for number in numbers:
        payload = body(number)
        head = (
            f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n{headers}\r\n"
        )
        begun = time.perf_counter()
        writer.write(head.encode() + payload)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not answer.startswith(b"http/1.1 200"):
            raise RuntimeError(answer.decode())
        if b"transfer-encoding: chunked" in answer:
            first, said = await _chunks(reader)
            came = first
        else:
            length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
            said = await reader.readexactly(1)
            came = time.perf_counter()
            said += await reader.readexactly(length - 1)
            first = time.perf_counter()
        if stamp := _STAMP.search(said):
            sample.forwarded.append(came - int(stamp[1]) / 1e9)
        sample.first.append(first - begun)
        sample.whole.append(time.perf_counter() - begun)
        if b"recall;dur=" in answer:
            sample.recall_ms.append(float(answer.split(b"recall;dur=")[1].split(b",")[0]))
    writer.close()


async def _chunks(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    """When the first chunk was there, and what it said."""
    first, said = 0.0, b""
    while True:
        size = int(await reader.readline(), 16)
        chunk = await reader.readexactly(size + 2)
        if not first:
            first, said = time.perf_counter(), chunk
        if not size:
            return first, said
