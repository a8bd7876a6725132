"""Sends a request to the model's side and its answer back, byte for byte, to one of a few endings.

The table of endings stands in ARCHITECTURE.md. A streamed answer is forwarded line by line as it
comes; of it only the end may wait, for the turn to be recorded, and for a bounded time. Any other
answer that is listened to is read whole before its first byte is sent, so that one which breaks off
half way can still be told as an error.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from starlette.types import Message, Receive, Send

from gateway.errors import UpstreamBrokenError, UpstreamError, UpstreamTimeoutError
from gateway.http.background import Background
from gateway.http.decoding import Decoder
from gateway.http.disconnect import ClientGoneError, UntilDisconnect
from gateway.http.errors import ApiError, api_error, openai_event, passed_on
from gateway.http.headers import RawHeaders, client_headers, get
from gateway.http.heartbeat import while_waiting
from gateway.http.reply import Reply
from gateway.http.tee import Answer, EventSplitter
from gateway.memory.model import Ending
from gateway.memory.ports import ChatModel, ModelRequest, ModelResponse
from gateway.metrics import Metrics

T = TypeVar("T")

WHOLE = 8 * 2**20  # bytes of an unstreamed answer that are read before any is sent
LAST_WORD = 0.5  # seconds in which a stream that is cut at shutdown may still be told so
OK = 200
_EVENT_STREAM = "text/event-stream"
_SHUTTING_DOWN = ApiError(
    503, "the gateway is shutting down", kind="server_error", code="shutting_down"
)


class Listener(Protocol):
    """Hears an answer while it is relayed, and is told once how it ended."""

    @property
    def answer(self) -> Answer: ...

    async def record(self, ending: Ending) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Relays the answers of one model.

    `patience` bounds, in seconds, how long the end of an answer waits for its record, and
    `write_timeout` how long a client may leave what it was sent unread. `heartbeat` is after how
    many seconds of silence a stream that was asked for gets a comment, 0 for never; the first of
    them commits the answer to status 200, and what fails later can only be told within it.
    """

    model: ChatModel
    background: Background
    metrics: Metrics
    patience: float
    write_timeout: float
    heartbeat: float = 0.0

    async def __call__(
        self,
        request: ModelRequest,
        receive: Receive,
        send: Send,
        *,
        headers: RawHeaders = (),
        timing: str = "",
        listener: Listener | None = None,
        streams: bool = False,
        error_event: Callable[[ApiError], bytes] = openai_event,
        feed: Callable[[Message], Awaitable[None]] | None = None,
    ) -> None:
        """Relay one answer with `headers` added; `timing` leads its Server-Timing.

        `streams` says that the request asks for a stream, `error_event` how that is told of an
        error. `feed` is given what arrives of a body that has not been read.

        Raises UpstreamError: before anything was sent, or when an answer that is not a stream
        breaks off. Raises ClientGoneError.
        """
        reply = Reply(
            send,
            headers=headers,
            timing=timing,
            write_timeout=self.write_timeout,
            error_event=error_event,
        )
        exchange = _Exchange(self, reply, listener, beats=streams and self.heartbeat > 0)
        try:
            async with UntilDisconnect(receive, feed):
                await exchange.run(request)
        except ClientGoneError:
            exchange.ended(Ending.CLIENT_GONE)
            raise
        except TimeoutError as error:  # a piece that the client left unread
            exchange.ended(Ending.CLIENT_GONE)
            raise ClientGoneError from error
        except asyncio.CancelledError:
            exchange.ended(Ending.SHUTDOWN)
            await exchange.last_word()
            raise


class _Exchange:
    """One answer under way."""

    def __init__(
        self, relay: Relay, reply: Reply, listener: Listener | None, *, beats: bool
    ) -> None:
        self._relay = relay
        self._reply = reply
        self._listener = listener
        self._beats = beats
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

    async def run(self, request: ModelRequest) -> None:
        begun = time.perf_counter()
        response: ModelResponse | None = None

        async def ask() -> ModelResponse:
            nonlocal response  # known even if this is cancelled before the result is handed over
            response = await self._relay.model.send(request)
            return response

        try:
            await self._answer(await self._beating(ask), begun)
        except UpstreamError as error:
            if not self._reply.streaming:
                raise
            self._broken(error)
            await self._recorded()
            await self._reply.fail(api_error(error))
        finally:
            if response is not None:
                await response.aclose()

    async def last_word(self) -> None:
        """Tell a stream that is cut from our side that it was, if the client still reads."""
        if self._reply.streaming:
            with suppress(Exception):
                async with asyncio.timeout(LAST_WORD):
                    await self._reply.fail(_SHUTTING_DOWN)

    async def _answer(self, response: ModelResponse, begun: float) -> None:
        took = time.perf_counter() - begun
        self._relay.metrics.first_byte_seconds.observe(took)
        self._reply.timing += f"upstream;dur={took * 1000:.1f}"
        if response.status != OK:
            self._listener = None  # an error is no answer, and nothing to remember
        kept = client_headers(response.headers)
        streamed = get(kept, b"content-type").lower().startswith(_EVENT_STREAM)
        coding = get(kept, b"content-encoding").lower().replace("identity", "")
        if self._reply.streaming and (not streamed or coding or response.status != OK):
            await self._late(response)
        elif streamed and not coding:
            await self._stream(response, kept)
        elif self._listener is None:
            await self._through(response, kept)
        elif streamed:
            await self._encoded(response, kept, self._listener.answer, Decoder(coding))
        else:
            await self._whole(response, kept, self._listener.answer, Decoder(coding))

    async def _stream(self, response: ModelResponse, kept: RawHeaders) -> None:
        if not self._reply.streaming:
            await self._reply.start_stream(response.status, kept)
        body = response.body
        if self._listener is None:
            async for chunk in self._chunks(body):
                await self._reply.forward(chunk)
            held = self._reply.rest()
        else:
            held = await self._to_the_end(body, self._listener.answer)
        self.ended(Ending.COMPLETE)
        if self._listener is not None:
            held += await self._rest(body)
        await self._recorded()
        await self._reply.body(held, more=False)

    async def _to_the_end(self, body: AsyncIterator[bytes], answer: Answer) -> bytes:
        """Forward up to where the answer is done; the bytes with which it is, and what follows.

        Raises UpstreamBrokenError for a stream that ends without having finished.
        """
        splitter, reply = EventSplitter(), self._reply
        async for chunk in self._chunks(body):
            for data, at in splitter.feed(chunk):
                answer.event(data)
                if answer.done:
                    if at:  # else its line began in what is held
                        await reply.forward(chunk[:at])
                    return reply.rest() + chunk[at:]
            await reply.forward(chunk)
        if not answer.finished:
            raise UpstreamBrokenError("the stream ended without a finish_reason")
        return reply.rest()

    async def _rest(self, body: AsyncIterator[bytes]) -> bytes:
        """What comes after the end; an upstream that keeps its connection open is not awaited."""
        rest = b""
        try:
            async with asyncio.timeout(self._relay.patience):
                async for chunk in body:
                    rest += chunk
        except (TimeoutError, UpstreamError):
            pass  # the answer was complete
        return rest

    async def _encoded(
        self, response: ModelResponse, kept: RawHeaders, answer: Answer, decoder: Decoder
    ) -> None:
        """A stream that the upstream compressed though it was asked not to: as it is.

        It is read aside decoded; nothing can be added to it or held back.
        """
        splitter = EventSplitter()

        def hear(chunk: bytes) -> None:
            for data, _ in splitter.feed(decoder.feed(chunk)):
                answer.event(data)

        await self._through(response, kept, hear=hear)

    async def _whole(
        self, response: ModelResponse, kept: RawHeaders, answer: Answer, decoder: Decoder
    ) -> None:
        """An answer in one piece, whose last byte waits; a very large one goes through unheard."""
        whole = bytearray()
        body = response.body
        async for chunk in body:
            whole += chunk
            if len(whole) > WHOLE:
                await self._through(response, kept, ahead=bytes(whole))
                return
        answer.document(decoder.feed(bytes(whole)))
        self.ended(Ending.COMPLETE)
        await self._reply.start(response.status, kept)
        await self._reply.body(bytes(whole[:-1]))
        await self._recorded()
        await self._reply.body(bytes(whole[-1:]), more=False)

    async def _through(
        self,
        response: ModelResponse,
        kept: RawHeaders,
        *,
        ahead: bytes = b"",
        hear: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Whatever it is, as it comes. One that breaks off is cut, so nobody takes it as whole."""
        await self._reply.start(response.status, kept)
        if ahead:
            await self._reply.body(ahead)
        try:
            async for chunk in response.body:
                hear(chunk)
                await self._reply.body(chunk)
        except UpstreamError as error:
            self._broken(error)
            raise
        self.ended(Ending.COMPLETE)
        await self._recorded()
        await self._reply.body(b"", more=False)

    async def _late(self, response: ModelResponse) -> None:
        """What is no stream, after heartbeats have begun one: only an error event is left."""
        self._listener = None
        said = bytearray()
        async for chunk in response.body:
            said += chunk
            if len(said) > WHOLE:
                break
        self.ended(Ending.UPSTREAM_BROKE)
        await self._reply.fail(passed_on(response.status, bytes(said)))

    def _broken(self, error: UpstreamError) -> None:
        stalled = isinstance(error, UpstreamTimeoutError)
        self.ended(Ending.UPSTREAM_STALLED if stalled else Ending.UPSTREAM_BROKE)

    async def _recorded(self) -> None:
        """Wait for the record, but not for longer than the end of the answer may wait."""
        if self._record is not None:
            await asyncio.wait({self._record}, timeout=self._relay.patience)

    async def _chunks(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body's pieces, with heartbeats while none comes."""
        if not self._beats:
            async for chunk in body:
                yield chunk
            return

        async def following() -> bytes | None:
            return await anext(body, None)

        while (piece := await self._beating(following)) is not None:
            yield piece

    async def _beating(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if not self._beats:
            return await work()
        return await while_waiting(work(), self._relay.heartbeat, self._reply.beat)
