"""Reads a streamed answer aside while its bytes go to the client untouched.

`EventSplitter` finds events in bytes that may be split anywhere; `Answer` gathers what was said.
Neither ever raises on what an upstream sends: what cannot be read is passed on and not learned.
"""

from abc import ABC, abstractmethod
from typing import Any

import orjson

from gateway.http.errors import ApiError, openai_event

MAX_EVENT = 8 * 2**20  # bytes of one event that are read; lines beyond them still pass
MAX_TEXT = 2**20  # characters of an answer that are kept
MAX_CALLS = 128  # tool calls of an answer that are kept
MAX_PARTS = 128  # parts of an answer's text that are kept

_BOM = b"\xef\xbb\xbf"


class EventSplitter:
    r"""Server-sent events out of bytes: lines end in \n, \r\n or \r and nothing else.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """

    def __init__(self) -> None:
        self._tail = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._first = True
        self._after_cr = False
        self._skipping = False

    def feed(self, chunk: bytes) -> list[tuple[bytes, int]]:
        """Each `data` of the events that `chunk` completes, and where in `chunk` its line begins.

        A line that began in an earlier chunk begins at 0. [DONE] counts as complete with its line,
        other events with the blank line after them.
        """
        at = 1 if self._after_cr and chunk.startswith(b"\n") else 0
        found: list[tuple[bytes, int]] = []
        for piece in chunk[at:].splitlines(keepends=True):
            line = piece.rstrip(b"\r\n")
            self._hold(line)
            if len(line) < len(piece):
                self._end_line(at, found)
            at += len(piece)
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return found

    def _hold(self, piece: bytes) -> None:
        if self._skipping or self._size + len(self._tail) + len(piece) > MAX_EVENT:
            self._tail.clear()
            self._skipping = True
        else:
            self._tail += piece

    def _end_line(self, at: int, found: list[tuple[bytes, int]]) -> None:
        line, skipped = bytes(self._tail), self._skipping
        self._tail.clear()
        self._skipping = False
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if skipped:
            return
        if not line:
            if self._data:
                found.append((b"\n".join(self._data), at))
            self._data, self._size = [], 0
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            if value == b"[DONE]" and not self._data:
                found.append((value, at))
            else:
                self._data.append(value)
                self._size += len(line)


class Answer(ABC):
    """What one answer said, gathered as it comes; a dialect knows where it stands.

    `finished` says that the answer may end here, `done` that nothing of it follows, `failed` that
    the model's side gave up on it. `ref` is the name by which a later request may refer to it.
    """

    def __init__(self) -> None:
        self.finished = False
        self.done = False
        self.failed = False
        self.ref = ""
        self.tool_calls: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, Any] | None = None
        self._text: dict[tuple[int, int], list[str]] = {}
        self._length = 0

    @abstractmethod
    def take_event(self, document: dict[str, Any]) -> None:
        """Read one event of a stream."""

    @abstractmethod
    def take_document(self, document: dict[str, Any]) -> None:
        """Read a whole answer."""

    def error_event(self, error: ApiError) -> bytes:
        """The event that tells, in a stream that has begun, that it will not be ended."""
        return openai_event(error)

    @property
    def text(self) -> str:
        """What was said; the parts of an answer of several, one to a line."""
        return "\n".join("".join(self._text[place]) for place in sorted(self._text))

    def event(self, data: bytes) -> None:
        """One event of a stream, as it came."""
        if data == b"[DONE]":
            self.done = True
            return
        document = _parse(data)
        if document is not None:
            self.take_event(document)

    def document(self, body: bytes) -> None:
        """The whole body of an answer that was not streamed."""
        document = _parse(body)
        if document is not None:
            self.take_document(document)

    def message(self) -> dict[str, Any] | None:
        """The answer as an assistant message, or None when it said nothing."""
        calls = [self.tool_calls[index] for index in sorted(self.tool_calls)]
        if not self._text and not calls:
            return None
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        return message | ({"tool_calls": calls} if calls else {})

    def say(self, piece: object, place: tuple[int, int] = (0, 0)) -> None:
        """Add to the text at `place`, an item of the answer and a part of it."""
        if place not in self._text and len(self._text) == MAX_PARTS:
            return
        if kept := self.kept(piece):
            self._text.setdefault(place, []).append(kept)

    def said(self, place: tuple[int, int]) -> bool:
        """Whether there is a text at `place`."""
        return place in self._text

    def call(self, index: object) -> dict[str, Any] | None:
        """The tool call of this index, new or known; None when it is not kept."""
        if not isinstance(index, int) or not 0 <= index < MAX_CALLS:
            return None
        return self.tool_calls.setdefault(index, {})

    def kept(self, piece: object) -> str:
        """As much of a text as there is room for; nothing of what is no text."""
        if not isinstance(piece, str):
            return ""
        kept = piece[: MAX_TEXT - self._length]
        self._length += len(kept)
        return kept


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
