"""What the content of a file is: a form's part, base64, a data URI, an address, or plain text."""

import binascii
import hashlib
import re
import tempfile
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from gateway.errors import FetchError
from gateway.http.errors import ApiError
from gateway.http.kept import Kept
from gateway.memory import document_formats as formats
from gateway.memory.document_formats import (
    HEAD,
    TEXTS,
    Format,
    UnsupportedFormatError,
    WrongFormatError,
)
from gateway.memory.knowledge_files import Given, Type
from gateway.memory.ports import Fetcher

_ADDRESS = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{0,20}://\S{0,4000}\Z")
_DATA = re.compile(rb"data:([^,;]{0,200})((?:;[^,;]{0,200}){0,5}),", re.IGNORECASE)
_SPACE = re.compile(rb"\s+")
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/=]")
_SENTENCE = 64  # bytes of a plain text within which there is a space
_QUANTUM = 4  # letters of base64 that stand for three bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A file as a request describes it; `content` is what it says, or a ticket for it."""

    name: str
    type: Type
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file that is here, in a format that is read."""

    given: Given
    format: Format
    content: BinaryIO


class Receiver:
    """Makes files of what is offered, each at most `most` bytes. They are closed by `kept`.

    Raises ApiError with `unsupported_file_type`, `bad_file`, `file_too_large`,
    `base64_characters`, `base64_format` or `fetch_refused`.
    """

    def __init__(self, kept: Kept, *, most: int) -> None:
        self._kept = kept
        self._most = most

    def is_address(self, content: str) -> bool:
        """Whether the content is to be had somewhere else."""
        return len(content) < HEAD * 4 and bool(_ADDRESS.match(content.strip().encode()))

    def received(self, offered: Offered) -> Received:
        """The file whose content came with the request. Blocks: some 0.2 s for 100 MB."""
        format_ = _named(offered)
        kept = self._kept.get(offered.content)
        if kept is not None and not kept.escaped:
            return self._whole(offered, format_, kept.pieces())
        pieces = kept.pieces if kept is not None else lambda: iter([offered.content.encode()])
        start = b"".join(_first(pieces()))[: 2 * HEAD].lstrip()
        if uri := _DATA.match(start):
            media, options = uri[1].decode("latin-1"), uri[2].lower()
            format_ = format_ or formats.by_media_type(media)
            rest = _after(pieces(), start, uri.end())
            decoded = _base64(rest) if b";base64" in options else _unquoted(rest)
            return self._whole(offered, format_, decoded)
        if format_ in TEXTS or format_ is None:
            try:
                file = self._whole(offered, format_, _base64(pieces()))
            except ApiError as error:
                if error.code not in {"base64_characters", "base64_format"}:
                    raise
            else:
                unlike_words = len(start) >= _SENTENCE and b" " not in start
                if file.format not in TEXTS or unlike_words or _is_text(file.content):
                    return file
            return self._whole(offered, format_ or Format.TXT, pieces())
        return self._whole(offered, format_, _base64(pieces()))

    async def fetched(self, offered: Offered, fetcher: Fetcher) -> Received:
        """The file at the address that is its content."""
        address = offered.content.strip()
        name = offered.name or unquote(PurePosixPath(urlsplit(address).path).name)
        named = Offered(name=name, type=offered.type, content="")
        format_ = _named(named)
        file = self._new()
        try:
            media = await fetcher.fetch(address, file, most=self._most)
        except FetchError as error:
            raise ApiError(400, str(error), param="content", code="fetch_refused") from None
        file.seek(0)
        pieces = iter(lambda: file.read(2**20), b"")
        return self._whole(named, format_ or formats.by_media_type(media), pieces)

    def _whole(self, offered: Offered, format_: Format | None, pieces: Iterable[bytes]) -> Received:
        file, size, digest = self._new(), 0, hashlib.sha256()
        for piece in pieces:
            size += len(piece)
            if size > self._most:
                raise ApiError(
                    413,
                    f"a file is larger than {self._most} bytes",
                    param="content",
                    code="file_too_large",
                )
            digest.update(piece)
            file.write(piece)
        file.seek(0)
        head = file.read(HEAD)
        try:
            format_ = format_ or formats.by_content(head)
            formats.check(format_, head)
        except UnsupportedFormatError as error:
            raise _unsupported(error) from None
        except WrongFormatError as error:
            raise ApiError(
                400, f"{offered.name}: {error}".lstrip(": "), param="content", code="bad_file"
            ) from None
        name = offered.name or f"document.{format_.rpartition('.')[2]}"
        given = Given(name=name, type=offered.type, size=size, digest=digest.hexdigest())
        return Received(given=given, format=format_, content=file)

    def _new(self) -> BinaryIO:
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  closed with all that is kept
        self._kept.get(self._kept.keep(file))
        return file


def _named(offered: Offered) -> Format | None:
    try:
        return formats.by_name(offered.name, skill=offered.type == "skill")
    except UnsupportedFormatError as error:
        raise _unsupported(error) from None


def _unsupported(error: UnsupportedFormatError) -> ApiError:
    return ApiError(400, str(error), param="name", code="unsupported_file_type")


def _first(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        return


def _after(pieces: Iterator[bytes], start: bytes, end: int) -> Iterator[bytes]:
    """The pieces without what comes before `end` in `start`, their beginning without its spaces."""
    for index, piece in enumerate(pieces):
        yield piece if index else piece[piece.index(start[:end]) + end :]


def _base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What base64 stands for, white space aside. Raises ApiError 400."""
    held = b""
    for piece in pieces:
        held += _SPACE.sub(b"", piece)
        if _FOREIGN.search(held):
            raise _no_base64("base64_characters", "a character of the content is none of base64's")
        ready = max(len(held) - len(held) % _QUANTUM - _QUANTUM, 0)  # the last may be padded
        if b"=" in held[:ready]:
            raise _no_base64("base64_format", "the content is not whole base64")
        yield b64decode(held[:ready])
        held = held[ready:]
    if not held:
        return
    try:
        yield b64decode(held, validate=True)
    except binascii.Error:
        raise _no_base64("base64_format", "the content is not whole base64") from None


def _unquoted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What stands in a data URI that is no base64: what an escape is cut in waits for its rest."""
    held = b""
    for piece in pieces:
        held += piece
        cut = held.find(b"%", max(len(held) - 2, 0))
        ready = len(held) if cut < 0 else cut
        yield unquote_to_bytes(held[:ready])
        held = held[ready:]
    yield unquote_to_bytes(held)


def _no_base64(code: str, message: str) -> ApiError:
    return ApiError(400, message, param="content", code=code)


def _is_text(content: BinaryIO) -> bool:
    """Whether it may be a text in UTF-8: so much of plain text as is base64 by chance is none."""
    content.seek(0)
    head = content.read(HEAD)
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or error.reason != "unexpected end of data":
            return False
        text = head[: error.start].decode()
    return bool(text) and not any(char < " " and char not in "\t\n\f\r" for char in text)
