"""Any bytes in any pieces go through the relay unchanged, and are read as they say.

The whole path over an in-memory server and client: what the client is sent is compared with what
was put in, and what was collected with a reader of the whole buffer. Both ends may break.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamBrokenError
from gateway.http.background import Background
from gateway.http.chat_completions import ChatAnswer
from gateway.http.errors import api_error, openai_event
from gateway.http.relay import Relay
from gateway.memory.model import Ending
from gateway.memory.ports import ModelRequest
from gateway.metrics import Metrics

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
BOM = b"\xef\xbb\xbf"
REQUEST = ModelRequest(method="POST", path="chat/completions", headers=())
ERROR = openai_event(api_error(UpstreamBrokenError("")))


@dataclass
class Answers:
    """A model that answers with these pieces, and then breaks off or not. Its own response."""

    pieces: list[bytes]
    breaks: bool
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ((b"content-type", b"text/event-stream"),)
    memorable: bool = True
    closed: bool = False

    async def send(self, _: ModelRequest) -> "Answers":
        return self

    @property
    def body(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece
        if self.breaks:
            raise UpstreamBrokenError("cut")

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Hears:
    """A listener that keeps how the answer ended."""

    answer: ChatAnswer = field(default_factory=ChatAnswer)
    endings: list[Ending] = field(default_factory=list)

    async def record(self, ending: Ending) -> None:
        self.endings.append(ending)


@dataclass
class Client:
    """Collects what it is sent, and never leaves."""

    sent: list[Any] = field(default_factory=list)

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        """What was sent, which must be one head, pieces, and one end."""
        head, *pieces = self.sent
        assert head["type"] == "http.response.start"
        assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]
        return b"".join(piece["body"] for piece in pieces)


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as it:
        yield it


def relayed(runner, pieces, *, breaks, listener):
    """What the client is sent of these pieces."""

    async def run() -> bytes:
        background, client, model = Background(), Client(), Answers(pieces, breaks)
        relay = Relay(
            model=model,
            background=background,
            metrics=Metrics(),
            patience=5,
            write_timeout=5,
        )
        await relay(REQUEST, client.receive, client.send, listener=listener)
        await background.join()
        assert model.closed
        return client.body

    return runner.run(run())


def event(document: Any) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def says(text: str, index: int, finish: str | None) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return event({"choices": [choice]})


words = st.text(
    st.sampled_from(["a", "é", "☕", "\u2028", "\u0085", "\n", "\r", '"', "["]), max_size=4
)
said = st.builds(says, words, st.sampled_from([0, 0, 0, 1]), st.sampled_from([None, None, "stop"]))
noise = st.one_of(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r"]),
    st.sampled_from([b"data:", b"data: ", b"data", b"data: [DONE]", b"data: [DONE]\n\n", b"{}"]),
    st.sampled_from([b":", b": ping\n", b"id: 1\n", b"event: x\n", b"retry: 5\n\n", BOM, b"da"]),
    st.sampled_from([event({"error": {"message": "no"}}), b"data: null\n\n", b"data: [1]\n\n"]),
    st.sampled_from(["\u2028".encode(), b"\x85", b"\x0b", b"\x0c", b"\x1c", b"\xff", b"\0"]),
    st.binary(max_size=4),
)
line_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
streams = st.builds(
    lambda parts, end: b"".join(parts).replace(b"\n", end),
    st.lists(st.one_of(said, said, noise), max_size=20),
    line_ends,
)
places = st.lists(st.integers(0, 2000), max_size=12)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


@dataclass
class Reading:
    """What a whole stream says, read the obvious way."""

    text: str = ""
    finished: bool = False
    done: bool = False


def reference(stream: bytes) -> Reading:
    reading = Reading()
    *lines, _ = re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))
    data: list[bytes] = []
    for line in lines:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data" and value == b"[DONE]" and not data:
            reading.done = True
            break
        if name == b"data":
            data.append(value)
        if not line and data:
            _read(reading, b"\n".join(data))
            data = []
    return reading


def _read(reading: Reading, data: bytes) -> None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    if not isinstance(document, dict):
        return
    reading.finished = reading.finished or "error" in document
    for choice in document.get("choices", ()):
        if choice["index"] == 0:
            reading.text += choice["delta"]["content"]
            reading.finished = reading.finished or choice["finish_reason"] is not None


def whole_lines(stream: bytes) -> bytes:
    return stream[: max(stream.rfind(b"\n"), stream.rfind(b"\r")) + 1]


def is_told(got: bytes, stream: bytes) -> bool:
    """Whether every whole line arrived, and then one error event that can be read."""
    whole = whole_lines(stream)
    return got.startswith(whole) and got[len(whole) :] in {ERROR, b"\n" + ERROR, b"\n\n" + ERROR}


@settings(max_examples=2000, deadline=DEADLINE)
@given(stream=streams, places=places)
def test_any_bytes_in_any_pieces_arrive_and_are_read_as_a_whole_would_be(runner, stream, places):
    listener, reading = Hears(), reference(stream)
    got = relayed(runner, cut(stream, places), breaks=False, listener=listener)
    if reading.done or reading.finished:
        assert got == stream
        assert listener.endings == [Ending.COMPLETE]
    else:
        assert is_told(got, stream)
        assert listener.endings == [Ending.UPSTREAM_BROKE]
    assert listener.answer.text == reading.text
    assert listener.answer.done == reading.done


@settings(max_examples=1000, deadline=DEADLINE)
@given(stream=streams, places=places)
def test_a_break_leaves_what_came_and_is_told_unless_the_answer_was_done(runner, stream, places):
    listener, reading = Hears(), reference(stream)
    got = relayed(runner, cut(stream, places), breaks=True, listener=listener)
    if reading.done:
        assert got == stream
        assert listener.endings == [Ending.COMPLETE]
    else:
        assert is_told(got, stream)
        assert listener.endings == [Ending.UPSTREAM_BROKE]
    assert listener.answer.text == reading.text


@settings(max_examples=1000, deadline=DEADLINE)
@given(stream=st.one_of(streams, st.binary(max_size=200)), places=places, breaks=st.booleans())
def test_unheard_any_bytes_in_any_pieces_arrive(runner, stream, places, breaks):
    got = relayed(runner, cut(stream, places), breaks=breaks, listener=None)
    assert is_told(got, stream) if breaks else got == stream
