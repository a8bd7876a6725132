"""A scenario: one request as bytes, and the script by which the model's server answers it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from tests.conformance.wire import Headers, Inbox, Reader

PATIENCE = 0.25  # seconds; an answer that the gateway holds back whole is not seen before its end


@dataclass(frozen=True)
class Connection:
    """One connection at the server, and the client at the other end of everything."""

    inbox: Inbox
    client: Reader


Step = bytes | Callable[[Connection], Awaitable[None]]


async def reset(connection: Connection) -> None:
    """Cut the connection as a crashed server does."""
    connection.inbox.abort()


async def close(connection: Connection) -> None:
    """End the connection in an orderly way."""
    connection.inbox.close()


def pause(seconds: float) -> Step:
    """Say nothing for a while."""

    async def step(_: Connection) -> None:
        await asyncio.sleep(seconds)

    return step


def delivered(size: int) -> Step:
    """Wait until the client has had so many bytes of the body, so that no reset can lose them."""

    async def step(connection: Connection) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await connection.client.reached(size)

    return step


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`headers` come after Host and before the body's own framing.

    `answer` is played for each request that arrives. `onward` is the body that goes on where the
    gateway is asked to change it; None: the body itself.
    """

    name: str
    answer: tuple[Step, ...]
    method: str = "POST"
    target: str = "/v1/chat/completions"
    headers: Headers = (("Content-Type", "application/json"),)
    body: bytes = b""
    chunked: bool = False
    onward: bytes | None = None

    def request(self, host: str, control: Headers = ()) -> bytes:
        """The request as it goes over the wire."""
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *control)]
        body = self.body
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
            pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
            body = b"".join(chunk(piece) for piece in pieces) + LAST
        elif body or self.method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def head(
    status: int, *fields: tuple[str, str], reason: str = "Scripted", http: str = "1.1"
) -> bytes:
    lines = [f"HTTP/{http} {status} {reason}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(
    body: bytes, *fields: tuple[str, str], status: int = 200, kind: str = "application/json"
) -> tuple[Step, ...]:
    """An answer that is not streamed."""
    framing = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return (head(status, *framing, *fields) + body,)


STREAM_HEAD = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Transfer-Encoding", "chunked"),
)


def stream(
    *pieces: bytes, fields: Headers = (), last: bytes = LAST, status: int = 200
) -> tuple[Step, ...]:
    """A stream of which each piece is a chunk and a write of its own."""
    return (head(status, *STREAM_HEAD, *fields), *(chunk(piece) for piece in pieces if piece), last)


def cut_off(*pieces: bytes, by: Step = reset) -> tuple[Step, ...]:
    """A stream that is cut once its pieces were delivered."""
    return (*stream(*pieces, last=b""), delivered(sum(map(len, pieces))), by)


def event(document: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(document) + b"\n\n"


def choice(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def delta(content: str, finish: str | None = None, **more: Any) -> bytes:
    """A chunk of a chat completion that says `content`."""
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice({"content": content}, finish)],
            **more,
        }
    )


DONE = b"data: [DONE]\n\n"
HELLO = (delta("Hel"), delta("lo."), delta("", "stop"), DONE)
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello."},
            "finish_reason": "stop",
        }
    ],
}
SAYS_HELLO = whole(orjson.dumps(COMPLETION))
STREAMS_HELLO = stream(*HELLO)
QUESTION: dict[str, Any] = {"role": "user", "content": "What shall I cook tonight?"}
ASK: dict[str, Any] = {"model": "m", "messages": [QUESTION]}
ASK_STREAM: dict[str, Any] = ASK | {"stream": True}


def asks(name: str, *, answer: tuple[Step, ...] = SAYS_HELLO, **members: Any) -> Scenario:
    """A scenario of what a request may hold."""
    return Scenario(name=name, body=orjson.dumps(ASK | members), answer=answer)


def streams(name: str, *pieces: bytes, **members: Any) -> Scenario:
    """A scenario of what a stream may hold."""
    return Scenario(name=name, body=orjson.dumps(ASK_STREAM | members), answer=stream(*pieces))
