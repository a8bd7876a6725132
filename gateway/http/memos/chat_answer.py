"""A chat's answer to its client: in one piece, or as a stream of events.

How each ends stands in the table of ARCHITECTURE.md. A stream is opened before anything is
recalled, so that what goes wrong is told within it, and while the client is there it ends in
exactly one `end`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import orjson
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Message, Receive, Send
from starlette.types import Scope as HttpScope

from gateway.errors import UpstreamError, UpstreamTimeoutError
from gateway.http.access import REQUEST_ID, respond
from gateway.http.auth import KEY
from gateway.http.disconnect import ClientGoneError, UntilDisconnect
from gateway.http.errors import ApiError, api_error
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, get
from gateway.http.memos.chat_exchange import Exchange
from gateway.http.memos.chat_models import model_for
from gateway.http.memos.chat_prompt import Chat
from gateway.http.memos.codes import OK, code_of
from gateway.http.relay import LAST_WORD
from gateway.keys.key import Grant
from gateway.memory.model import Ending, identifier

PING = 15.0  # seconds of silence after which a stream gets a comment, where no setting says
_SHUTTING_DOWN = ApiError(503, "the gateway is shutting down")

_log = structlog.get_logger(__name__)


class ChatReply:
    """Answers one request, as ASGI. Raises ApiError, UpstreamError, ClientGoneError."""

    def __init__(self, gateway: Gateway, chat: Chat) -> None:
        self._gateway = gateway
        self._chat = chat

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        gateway = self._gateway
        writes = Grant.WRITE in http[KEY].grants
        chat = replace(self._chat, record=self._chat.record and writes)
        headers = _onward(http["headers"])
        async with UntilDisconnect(receive):
            model = await model_for(gateway, chat.model_name, headers)
        turn = identifier("chat", *chat.scope.parts, http[REQUEST_ID])
        exchange = Exchange(gateway, chat, model=model, headers=headers, turn=turn)
        try:
            if chat.stream:
                await _Stream(gateway, exchange).send(http, receive, send)
            else:
                await _whole(exchange, receive, send)
        finally:
            await exchange.aclose()


async def _whole(exchange: Exchange, receive: Receive, send: Send) -> None:
    try:
        async with UntilDisconnect(receive):
            async with aclosing(exchange.said()) as pieces:
                async for _ in pieces:
                    pass
            exchange.end(Ending.COMPLETE)
            await exchange.kept()
    except ClientGoneError:
        exchange.end(Ending.CLIENT_GONE)
        raise
    except asyncio.CancelledError:
        exchange.end(Ending.SHUTDOWN)
        raise
    except (ApiError, UpstreamError):
        exchange.refused()
        raise
    data: dict[str, Any] = {"response": exchange.text, **exchange.account}
    if exchange.reasoning:
        data["reasoning"] = exchange.reasoning
    told = [
        (b"x-memory-status", exchange.status.encode()),
        (b"x-memory-count", str(len(exchange.memories)).encode()),
    ]
    body = orjson.dumps({"code": OK, "data": data, "message": "ok"})
    await respond(send, 200, body, headers=told)


class _Stream:
    """An answer as events, the first bytes of which are sent at once."""

    def __init__(self, gateway: Gateway, exchange: Exchange) -> None:
        self._settings = gateway.settings
        self._exchange = exchange
        self._gone = False
        self._whole = False

    async def send(self, http: HttpScope, receive: Receive, send: Send) -> None:
        """Raises ClientGoneError."""
        response = EventSourceResponse(
            self._events(),
            ping=self._settings.heartbeat_seconds or PING,
            ping_message_factory=_comment,
            sep="\n",
            send_timeout=self._settings.client_write_timeout,
            client_close_handler_callable=self._left,
        )
        try:
            await response(http, receive, send)
        except SendTimeoutError as error:
            self._exchange.end(Ending.CLIENT_GONE)
            raise ClientGoneError from error
        except asyncio.CancelledError:
            await self._cut(send)
            raise
        if self._gone:
            raise ClientGoneError
        if not self._whole:  # sse-starlette has seen that the server exits before we were told
            await self._cut(send)

    async def _left(self, _: Message) -> None:
        if not self._whole:
            self._gone = True
            self._exchange.end(Ending.CLIENT_GONE)

    async def _cut(self, send: Send) -> None:
        """Tell a stream that is cut from our side that it was, if the client still reads."""
        self._exchange.end(Ending.SHUTDOWN)
        events = _error(_SHUTTING_DOWN).encode() + self._end().encode()
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORD):
                await send({"type": "http.response.body", "body": events, "more_body": False})

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        exchange = self._exchange
        yield _comment()
        try:
            async with aclosing(exchange.said()) as pieces:
                async for said in pieces:
                    yield _event(said.kind, said.text)
        except Exception as error:  # noqa: BLE001  whatever it is, the stream has begun
            self._failed(error)
            await exchange.kept()
            yield _error(api_error(error))
        else:
            exchange.end(Ending.COMPLETE)
            await exchange.kept()
        self._whole = True
        yield self._end()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ApiError | UpstreamError):
            _log.error("chat failed", error=type(error).__name__)
        stalled = isinstance(error, UpstreamTimeoutError)
        if self._exchange.answered:
            self._exchange.end(Ending.UPSTREAM_STALLED if stalled else Ending.UPSTREAM_BROKE)
        else:
            self._exchange.refused()

    def _end(self) -> ServerSentEvent:
        return _event("end", "", **self._exchange.account)


def _event(kind: str, data: str, **more: object) -> ServerSentEvent:
    document = {"type": kind, "data": data, "content": data, **more}
    return ServerSentEvent(orjson.dumps(document).decode(), event="message", sep="\n")


def _error(error: ApiError) -> ServerSentEvent:
    return _event("error", error.message, code=code_of(error).number, message=error.message)


def _comment() -> ServerSentEvent:
    return ServerSentEvent(comment="ping", sep="\n")


def _onward(headers: RawHeaders) -> RawHeaders:
    """What goes to the model's server: of the client's headers only its own key for that server."""
    kept: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"accept-encoding", b"identity"),
    ]
    authorization = get(headers, b"authorization")
    if authorization.lower().startswith("bearer "):
        kept.append((b"authorization", authorization.encode()))
    return kept
