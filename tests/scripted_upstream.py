"""A model server on a real socket that does exactly what a test scripts, and keeps what it got."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self):
        return orjson.loads(self.body)

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Exchange:
    """One request, and the means to answer it byte by byte."""

    def __init__(self, request: Received, reader: asyncio.StreamReader, writer) -> None:
        self.request = request
        self.closed = asyncio.Event()  # set when the other side has closed its connection
        self.early = b""  # of the next request on this connection
        self._reader = reader
        self._writer = writer
        self._watch = asyncio.create_task(self._until_closed())

    async def head(self, status=200, headers=(), *, length=None) -> None:
        framing = (
            f"content-length: {length}" if length is not None else "transfer-encoding: chunked"
        )
        lines = [f"HTTP/1.1 {status} Scripted", framing, *(f"{k}: {v}" for k, v in headers)]
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def json(self, document, status=200, headers=()) -> None:
        body = orjson.dumps(document)
        await self.head(status, [("content-type", "application/json"), *headers], length=len(body))
        await self.raw(body)

    async def stream(self, *pieces: bytes, headers=()) -> None:
        await self.head(200, [("content-type", "text/event-stream; charset=utf-8"), *headers])
        for piece in pieces:
            await self.chunk(piece)
        await self.end()

    def abort(self) -> None:
        """Cut the connection with a reset, as a crashed server does."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _until_closed(self) -> None:
        with suppress(ConnectionError):
            self.early = await self._reader.read(1)
        if not self.early:
            self.closed.set()

    def release(self) -> None:
        self._watch.cancel()


Script = Callable[[Exchange], Awaitable[None]]


def event(document) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(document) + b"\n\n"


def delta(content, finish=None, **more) -> bytes:
    """A chunk of a chat completion that says `content`."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        | more
    )


DONE = b"data: [DONE]\n\n"


async def says_hello(exchange: Exchange) -> None:
    """The least that a chat model does, streamed or not as it was asked."""
    if exchange.request.path.endswith("/models"):
        await exchange.json({"object": "list", "data": [{"id": "m", "object": "model"}]})
    elif exchange.request.json.get("stream"):
        await exchange.stream(delta("Hel"), delta("lo."), delta("", "stop"), DONE)
    else:
        message = {"role": "assistant", "content": "Hello."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await exchange.json(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
            }
        )


@dataclass
class ScriptedUpstream:
    """`script` answers each request; `received` holds them all, `exchanges` their means."""

    script: Script = says_hello
    received: list[Received] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def aclose(self) -> None:
        """End whatever a script still does; what it waits for may never come."""
        left = set(self._serving)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    @property
    def last(self) -> Received:
        return self.received[-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early, task = b"", asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while (request := await _read(reader, early)) is not None:
                exchange = Exchange(request, reader, writer)
                self.received.append(request)
                self.exchanges.append(exchange)
                self.arrived.set()
                try:
                    await self.script(exchange)
                finally:
                    exchange.release()
                    await asyncio.gather(exchange._watch, return_exceptions=True)
                    early = exchange.early
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, early: bytes) -> Received | None:
    try:
        head = (early + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = [(line.partition(":")[0], line.partition(":")[2].strip()) for line in lines]
    length = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
    if any(k.lower() == "transfer-encoding" for k, _ in headers):
        return Received(method, path, headers, await _read_chunks(reader))
    return Received(method, path, headers, await reader.readexactly(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


@asynccontextmanager
async def scripted_upstream(script: Script = says_hello) -> AsyncIterator[ScriptedUpstream]:
    upstream = ScriptedUpstream(script)
    server = await asyncio.start_server(upstream._serve, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()
        for exchange in upstream.exchanges:
            exchange.release()
            exchange._writer.transport.abort()
        await upstream.aclose()
        await server.wait_closed()
