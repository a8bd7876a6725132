"""Long texts of a request's JSON, and parts of its form, kept in files instead of in memory.

What is read of the request stays small: in place of each there is a ticket, which only this request
knows, and which gives back what was kept. The files have no name, so nothing is left of them when
the process ends, however it does.
"""

import re
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Self

import orjson

from gateway.http.errors import ApiError
from gateway.http.limits import too_large

LONG = 64 * 2**10  # bytes of a text that is kept in a file
PIECE = 2**20  # bytes that are read at once

_SPECIAL = re.compile(rb'["\\]')
_LONGEST_CUT = 16  # bytes of what a piece may be cut within: two escapes, \ud83d\ude00


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it came, or, if `escaped`, a text as it stands in JSON between its quotes."""

    content: BinaryIO
    escaped: bool

    def pieces(self) -> Iterator[bytes]:
        """What was sent, a text in UTF-8. Raises ApiError 400 for what is no text in JSON."""
        self.content.seek(0)
        left = b""
        while piece := self.content.read(PIECE):
            if not self.escaped:
                yield piece
                continue
            text, left = _unescaped(left + piece)
            yield text
        if left:
            raise _not_json()


class Kept:
    """The files of one request; a context manager that closes them."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(16)
        self._files: dict[str, KeptFile] = {}
        self._waiting: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.content.close()

    def keep(self, content: BinaryIO, *, escaped: bool = False) -> str:
        """The ticket for a file."""
        ticket = f"kept:{self._name}:{len(self._files)}"
        self._files[ticket] = KeptFile(content, escaped)
        self._waiting.add(ticket)
        return ticket

    def get(self, ticket: str) -> KeptFile | None:
        """What a ticket is for; nothing for any other text."""
        self._waiting.discard(ticket)
        return self._files.get(ticket)

    def check(self) -> None:
        """Raises ApiError 413 if there is a text that nobody asked for: no other may be so long."""
        if self._waiting:
            raise too_large(LONG)


class LongTexts:
    """Feeds on a request's JSON, and keeps its long texts. The rest is about `most` bytes at most.

    Nothing but quotes and backslashes is looked at: what is no JSON is found by who reads it.
    """

    def __init__(self, kept: Kept, *, most: int) -> None:
        self.document = bytearray()
        self._kept = kept
        self._most = most
        self._within = False  # a text, which began at
        self._start = 0
        self._escaped = False
        self._file: BinaryIO | None = None

    def feed(self, chunk: bytes) -> None:
        """Raises ApiError 413."""
        at = 0
        while at < len(chunk):
            if not self._within:
                end = chunk.find(b'"', at) + 1 or len(chunk)
                self.document += chunk[at:end]
                if chunk[end - 1 : end] == b'"':
                    self._within, self._start = True, len(self.document)
                at = end
            elif self._escaped:
                self._take(chunk[at : at + 1])
                self._escaped = False
                at += 1
            else:
                found = _SPECIAL.search(chunk, at)
                end = found.start() if found else len(chunk)
                self._take(chunk[at:end])
                if found and found.group() == b"\\":
                    self._take(b"\\")
                    self._escaped = True
                elif found:
                    self._close()
                at = end + 1
        if len(self.document) > self._most + LONG:  # a text that may yet be kept aside
            raise too_large(self._most)

    def _take(self, part: bytes) -> None:
        if self._file is not None:
            self._file.write(part)
            return
        self.document += part
        if len(self.document) - self._start > LONG:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed with all that is kept
            ticket = self._kept.keep(self._file, escaped=True)
            self._file.write(self.document[self._start :])
            self.document[self._start :] = ticket.encode()

    def _close(self) -> None:
        self.document += b'"'
        self._within, self._file = False, None


def _unescaped(escaped: bytes) -> tuple[bytes, bytes]:
    """The text of a piece of JSON's, and what is cut off at its end. Raises ApiError 400."""
    for cut in range(_LONGEST_CUT):
        end = len(escaped) - cut
        try:
            text: str = orjson.loads(b'"%b"' % escaped[:end])
        except orjson.JSONDecodeError:
            continue
        return text.encode(), escaped[end:]
    raise _not_json()


def _not_json() -> ApiError:
    return ApiError(400, "the body is not valid JSON")
