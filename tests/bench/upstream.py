"""The fastest model server that can be: it answers a chat with constant bytes, streamed or not."""

import asyncio
import sys
import time
from typing import cast

import uvloop

CHUNKS = 20
THINKS = 0.005  # seconds until a stamped answer says something


def sse(number: int) -> bytes:
    if number == CHUNKS:
        return b"data: [DONE]\n\n"
    finish = b'"stop"' if number == CHUNKS - 1 else b"null"
    return (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":{"content":"word "},"finish_reason":' + finish + b"}]}\n\n"
    )


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_BODY = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"A short answer."},"finish_reason":"stop"}]}'
)


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


_WHOLE = _whole(_BODY)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_STREAM = [_chunked(sse(number)) for number in range(CHUNKS + 1)]


def stamped(whole: bytes) -> bytes:
    """The same, saying when it was sent: nanoseconds of a clock that all processes share."""
    return whole.replace(b'"created":1,', b'"created":%d,' % time.monotonic_ns(), 1)


class Upstream(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            whole = end + 4 + length
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            if b'"model":"stamp"' in body:
                self._later(stream=b'"stream":true' in body)
            elif b'"stream":true' in body:
                self._transport.write(_HEAD)
                for piece in _STREAM:  # each a write of its own, as tokens are
                    self._transport.write(piece)
                self._transport.write(b"0\r\n\r\n")
            else:
                self._transport.write(_WHOLE)

    def _later(self, *, stream: bool) -> None:
        """As a model does: the head at once, what it says a little later, stamped."""
        if not stream:
            asyncio.get_running_loop().call_later(
                THINKS, lambda: self._transport.write(_whole(stamped(_BODY)))
            )
            return
        self._transport.write(_HEAD)

        def say() -> None:
            self._transport.write(_chunked(stamped(sse(0))))
            self._transport.write(b"".join(_STREAM[1:]) + b"0\r\n\r\n")

        asyncio.get_running_loop().call_later(THINKS, say)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
