"""An answer on its way to the client: its head, its pieces, and what we may have to add to it."""

import asyncio
from collections.abc import Callable

from starlette.types import Send

from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders
from gateway.http.heartbeat import HEARTBEAT
from gateway.http.lines import WholeLines

_UNBUFFERED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
_STREAM_BEGUN_EARLY = ((b"content-type", b"text/event-stream; charset=utf-8"),)


class Reply:
    """`headers` are added to the upstream's own, with `timing` as Server-Timing.

    Every send raises TimeoutError when the client leaves it unread for `write_timeout` seconds.
    """

    def __init__(
        self,
        send: Send,
        *,
        headers: RawHeaders,
        timing: str,
        write_timeout: float,
        error_event: Callable[[ApiError], bytes],
    ) -> None:
        self._send = send
        self._headers = headers
        self.timing = timing
        self._write_timeout = write_timeout
        self._error_event = error_event
        self._lines: WholeLines | None = None

    @property
    def streaming(self) -> bool:
        """Whether it has begun as a stream of events."""
        return self._lines is not None

    async def start(self, status: int, kept: RawHeaders) -> None:
        added = [*self._headers, (b"server-timing", self.timing.encode())]
        message = {"type": "http.response.start", "status": status, "headers": [*kept, *added]}
        await self._send(message)

    async def start_stream(self, status: int, kept: RawHeaders = _STREAM_BEGUN_EARLY) -> None:
        """Without a length, for an error event may have to follow what the upstream announced."""
        head = [pair for pair in kept if pair[0] != b"content-length"]
        present = {key for key, _ in head}
        head += [pair for pair in _UNBUFFERED if pair[0] not in present]
        await self.start(status, head)
        self._lines = WholeLines()

    async def body(self, piece: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._write_timeout):
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def forward(self, chunk: bytes) -> None:
        """Send the whole lines of a stream that have come so far."""
        if piece := self._stream().add(chunk):
            await self.body(piece)

    def rest(self) -> bytes:
        """What `forward` has held back: the beginning of a line."""
        return self._stream().rest()

    async def beat(self) -> None:
        """A heartbeat, if the stream has not yet begun or is between two lines."""
        if self._lines is None:
            await self.start_stream(200)
        if self._stream().between:
            await self.body(HEARTBEAT)

    async def fail(self, error: ApiError) -> None:
        """End a stream with an event that says why it goes no further."""
        await self.body(self._stream().gap() + self._error_event(error), more=False)

    def _stream(self) -> WholeLines:
        assert self._lines is not None  # noqa: S101  only a stream is asked for lines
        return self._lines
