"""HTTP/1.1 as bytes on a socket, read and written by hand so that no library smooths anything.

`Inbox` gives what arrived before it tells how the connection ended; asyncio's own streams drop what
was not read yet when a reset comes.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Literal, cast

Headers = tuple[tuple[str, str], ...]
Ending = Literal["complete", "truncated", "reset", "garbled", "endless"]

NO_BODY = frozenset({204, 304})
LIMIT = 10.0  # seconds that one exchange may take


class EndedError(Exception):
    """The other side ended the connection, by a reset or not."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Inbox(asyncio.Protocol):
    """What one connection received, and its end."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = asyncio.Event()
        self._reset = False
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._news.set()

    def eof_received(self) -> bool:
        self.ended.set()
        self._news.set()
        return True  # our side stays open: what is still to be written may be

    def connection_lost(self, exc: Exception | None) -> None:
        self._reset = self._reset or isinstance(exc, ConnectionError)
        self.ended.set()
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def write(self, data: bytes) -> None:
        self.transport.write(data)
        await self._writable.wait()
        await asyncio.sleep(0)  # the other side gets its turn, and reads this piece alone

    async def more(self) -> None:
        """Wait for the next bytes. Raises EndedError when there will be none."""
        if self.ended.is_set():
            raise EndedError(reset=self._reset)
        self._news.clear()
        await self._news.wait()
        if self.ended.is_set():
            await asyncio.sleep(0)  # of an end by a reset, the reset is told last

    async def until(self, mark: bytes) -> bytes:
        start = 0
        while (at := self.data.find(mark, start)) < 0:
            start = max(0, len(self.data) - len(mark))
            await self.more()
        return self._take(at + len(mark))

    async def exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            await self.more()
        return self._take(size)

    async def some(self, most: int) -> bytes:
        """At least one byte, and as many as are there."""
        while not self.data:
            await self.more()
        return self._take(min(most, len(self.data)))

    def _take(self, size: int) -> bytes:
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        """Cut the connection with a reset, as a crashed process does."""
        if self.transport.is_closing():
            return
        raw: socket.socket = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as a server saw it."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass
class Response:
    """An answer as a client saw it; `status` is 0 when there was none."""

    interim: tuple[int, ...] = ()
    status: int = 0
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""
    trailers: Headers = ()
    ending: Ending = "complete"


def get(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def _fields(lines: list[str]) -> Headers:
    """Header fields with their names in lower case, in the order in which they came."""
    pairs = (line.partition(":") for line in lines if line)
    return tuple((name.lower(), value.strip(" \t")) for name, _, value in pairs)


async def _head(inbox: Inbox) -> tuple[str, Headers]:
    first, *lines = (await inbox.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    return first, _fields(lines)


async def read_request(inbox: Inbox) -> Request:
    """The next request. Raises EndedError."""
    first, headers = await _head(inbox)
    method, target, _ = first.split(" ", 2)
    body = bytearray()
    if get(headers, "transfer-encoding").lower() == "chunked":
        while size := int(await inbox.until(b"\r\n"), 16):
            body += (await inbox.exactly(size + 2))[:-2]
        await inbox.until(b"\r\n")
    elif length := get(headers, "content-length"):
        body += await inbox.exactly(int(length))
    return Request(method=method, target=target, headers=headers, body=bytes(body))


class Reader:
    """Reads one answer; `received` counts the bytes of its body so far."""

    def __init__(self) -> None:
        self.received = 0
        self._body = bytearray()
        self._news = asyncio.Event()

    async def reached(self, size: int) -> None:
        """Wait until so many bytes of the body are there."""
        while self.received < size:
            self._news.clear()
            await self._news.wait()

    async def read(self, inbox: Inbox, method: str) -> Response:
        """The answer to a request of this method, whole or as far as it came."""
        response = Response()
        try:
            async with asyncio.timeout(LIMIT):
                await self._read(inbox, method, response)
        except EndedError as error:
            response.ending = "reset" if error.reset else "truncated"
        except TimeoutError:
            response.ending = "endless"
        except ValueError:
            response.ending = "garbled"
        response.body = bytes(self._body)
        return response

    async def _read(self, inbox: Inbox, method: str, response: Response) -> None:
        while True:
            first, headers = await _head(inbox)
            _, status, response.reason = [*first.split(" ", 2), ""][:3]
            if not status.startswith("1"):
                break
            response.interim += (int(status),)
        if len([name for name, _ in headers if name == "content-length"]) > 1:
            raise ValueError("two lengths")
        response.status, response.headers = int(status), headers
        if method == "HEAD" or response.status in NO_BODY:
            return
        if get(headers, "transfer-encoding").lower() == "chunked":
            response.trailers = await self._chunks(inbox)
        elif length := get(headers, "content-length"):
            await self._some(inbox, int(length))
        else:
            await self._until_closed(inbox)

    async def _chunks(self, inbox: Inbox) -> Headers:
        while size := int((await inbox.until(b"\r\n")).partition(b";")[0], 16):
            await self._some(inbox, size)
            await inbox.exactly(2)
        lines = []
        while line := (await inbox.until(b"\r\n"))[:-2]:
            lines.append(line.decode("latin-1"))
        return _fields(lines)

    async def _some(self, inbox: Inbox, size: int) -> None:
        while size:
            piece = await inbox.some(size)
            size -= len(piece)
            self._body += piece
            self.received += len(piece)
            self._news.set()

    async def _until_closed(self, inbox: Inbox) -> None:
        try:
            while True:
                await self._some(inbox, 1)
        except EndedError as error:
            if error.reset:
                raise
