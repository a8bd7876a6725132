"""Sends a request to the model's side and its answer back, byte for byte, to one of a few endings.

The table of endings stands in ARCHITECTURE.md. A streamed answer is forwarded piece by piece as it
comes; of it only the final [DONE] may wait, for the turn to be recorded, and for a bounded time.
Any other answer is read whole before its first byte is sent, so that one which breaks off half way
can still be told as an error.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Receive, Send

from gateway.errors import UpstreamBrokenError, UpstreamError, UpstreamTimeoutError
from gateway.http.background import Background
from gateway.http.disconnect import ClientGoneError, UntilDisconnect
from gateway.http.errors import api_error, openai_event
from gateway.http.headers import RawHeaders, client_headers, get
from gateway.http.tee import Answer, EventSplitter
from gateway.memory.model import Ending
from gateway.memory.ports import ChatModel, ModelRequest, ModelResponse
from gateway.metrics import Metrics

WHOLE = 8 * 2**20  # bytes of an unstreamed answer that are read before any is sent
OK = 200
_EVENT_STREAM = "text/event-stream"
_UNBUFFERED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))


class Listener(Protocol):
    """Hears an answer while it is relayed, and is told once how it ended."""

    @property
    def answer(self) -> Answer: ...

    async def record(self, ending: Ending) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Relays the answers of one model.

    `patience` bounds, in seconds, how long the end of an answer waits for its record, and
    `write_timeout` how long a client may leave what it was sent unread.
    """

    model: ChatModel
    background: Background
    metrics: Metrics
    patience: float
    write_timeout: float

    async def __call__(
        self,
        request: ModelRequest,
        receive: Receive,
        send: Send,
        *,
        headers: RawHeaders = (),
        timing: str = "",
        listener: Listener | None = None,
    ) -> None:
        """Relay one answer with `headers` added; `timing` leads its Server-Timing.

        Raises UpstreamError before anything was sent, and ClientGoneError.
        """
        exchange = _Exchange(self, send, headers, timing, listener)
        try:
            async with UntilDisconnect(receive):
                begun = time.perf_counter()
                response = await self.model.send(request)
                try:
                    await exchange.run(response, time.perf_counter() - begun)
                finally:
                    await response.aclose()
        except ClientGoneError:
            exchange.ended(Ending.CLIENT_GONE)
            raise
        except TimeoutError as error:  # a piece that the client left unread
            exchange.ended(Ending.CLIENT_GONE)
            raise ClientGoneError from error
        except asyncio.CancelledError:
            exchange.ended(Ending.SHUTDOWN)
            raise


class _Exchange:
    """One answer under way."""

    def __init__(
        self, relay: Relay, send: Send, headers: RawHeaders, timing: str, listener: Listener | None
    ) -> None:
        self._relay = relay
        self._send = send
        self._headers = headers
        self._timing = timing
        self._listener = listener
        self._ended = False
        self._record: asyncio.Task[None] | None = None

    def ended(self, ending: Ending) -> None:
        """Settle how it ended and begin to record it; only the first call counts."""
        if self._ended:
            return
        self._ended = True
        self._relay.metrics.endings.labels(ending.value).inc()
        if self._listener is not None:
            self._record = self._relay.background.spawn(self._listener.record(ending))

    async def run(self, response: ModelResponse, took: float) -> None:
        self._relay.metrics.first_byte_seconds.observe(took)
        self._timing += f"upstream;dur={took * 1000:.1f}"
        if response.status != OK:
            self._listener = None  # an error is no answer, and nothing to remember
        kept = client_headers(response.headers)
        if get(kept, b"content-type").lower().startswith(_EVENT_STREAM):
            await self._stream(response, kept)
        else:
            await self._whole(response, kept)

    async def _stream(self, response: ModelResponse, kept: RawHeaders) -> None:
        # Without a length, for an error event may have to follow what the upstream announced.
        head = [pair for pair in kept if pair[0] != b"content-length"]
        present = {key for key, _ in head}
        head += [pair for pair in _UNBUFFERED if pair[0] not in present]
        await self._start(response.status, head)
        body = response.body
        try:
            held = await self._forward(body)
        except UpstreamError as error:
            stalled = isinstance(error, UpstreamTimeoutError)
            self.ended(Ending.UPSTREAM_STALLED if stalled else Ending.UPSTREAM_BROKE)
            await self._recorded()
            await self._body(openai_event(api_error(error)), more=False)
            return
        self.ended(Ending.COMPLETE)
        held += await self._rest(body)
        await self._recorded()
        await self._body(held, more=False)

    async def _forward(self, body: AsyncIterator[bytes]) -> bytes:
        """Forward up to [DONE], which is returned with what followed it, or to the end.

        Raises UpstreamBrokenError for a stream that ends without having finished.
        """
        if self._listener is None:
            async for chunk in body:
                await self._body(chunk)
            return b""
        splitter, answer = EventSplitter(), self._listener.answer
        async for chunk in body:
            for data, at in splitter.feed(chunk):
                answer.event(data)
                if answer.done:
                    if at:
                        await self._body(chunk[:at])
                    return chunk[at:]
            await self._body(chunk)
        if not answer.finished:
            raise UpstreamBrokenError("the stream ended without a finish_reason")
        return b""

    async def _rest(self, body: AsyncIterator[bytes]) -> bytes:
        """What comes after [DONE]; an upstream that keeps its connection open is not awaited."""
        rest = b""
        try:
            async with asyncio.timeout(self._relay.patience):
                async for chunk in body:
                    rest += chunk
        except (TimeoutError, UpstreamError):
            pass  # the answer was complete
        return rest

    async def _whole(self, response: ModelResponse, kept: RawHeaders) -> None:
        chunks: list[bytes] = []
        size = 0
        body = response.body
        async for chunk in body:
            chunks.append(chunk)
            size += len(chunk)
            if size > WHOLE:
                await self._start(response.status, kept)
                await self._body(b"".join(chunks))
                async for later in body:
                    await self._body(later)
                self.ended(Ending.COMPLETE)
                await self._body(b"", more=False)
                return
        whole = b"".join(chunks)
        if self._listener is not None:
            self._listener.answer.document(whole)
        self.ended(Ending.COMPLETE)
        await self._recorded()
        await self._start(response.status, kept)
        await self._body(whole, more=False)

    async def _recorded(self) -> None:
        """Wait for the record, but not for longer than the end of the answer may wait."""
        if self._record is not None:
            await asyncio.wait({self._record}, timeout=self._relay.patience)

    async def _start(self, status: int, kept: RawHeaders) -> None:
        added = [*self._headers, (b"server-timing", self._timing.encode())]
        message = {"type": "http.response.start", "status": status, "headers": [*kept, *added]}
        await self._send(message)

    async def _body(self, piece: bytes, *, more: bool = True) -> None:
        """Raises TimeoutError when the client does not read."""
        async with asyncio.timeout(self._relay.write_timeout):
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})
