"""uvicorn's HTTP/1.1 protocol, made to decline every upgrade and to bound what a head may take.

Two things that it leaves open. An offer to upgrade (the JDK's client offers h2c on each connection)
ends its parser's message with the head, so that the body was lost. And a head may come as slowly,
and grow as long, as its sender likes.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.http.errors import ApiError, openai_body

HEAD_BYTES = 64 * 2**10
HEAD_SECONDS = 30.0

_CONNECT = b"CONNECT"


class Http(HttpToolsProtocol):
    """The protocol of one connection. `head_seconds` is from a head's first byte to its last."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own, passed on
        super().__init__(*args, **kwargs)
        self._size = 0  # bytes of the head under way
        self._within = True  # a head, not a body
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._within:
            self._size += len(data)
            if self._deadline is None:
                self._await_head()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("that is no HTTP request")
        if self._within and self._size > HEAD_BYTES:
            self._refuse(431, f"the request's head is larger than {HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        self._within, self._size = False, 0
        self._no_deadline()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._within = True
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _decline(self, rest: bytes) -> None:
        """Read the head again as if it had offered nothing, and what follows it as its body."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == _CONNECT:
            self.send_400_response("this is no proxy")
            return
        kept = [(name, value) for name, value in self.headers if name != b"upgrade"]
        lines = [b"%s %s HTTP/%s" % (method, self.url, version.encode())]
        lines += [b"%s: %s" % pair for pair in kept]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", b""]) + rest)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self._size:
            self._refuse(408, f"the request's head took longer than {self.head_seconds:g} s")
        else:  # a connection that was opened ahead and not needed
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        """Tell why in OpenAI's shape, for nobody knows yet which API is called; and hang up."""
        if not self.transport.is_closing():
            body = openai_body(ApiError(status, message))
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                "content-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()
