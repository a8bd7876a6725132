"""Request bodies that came compressed: gzip, deflate and zstd, decoded under a cap."""

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

from gateway.http.errors import ApiError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN = frozenset({"", "identity"})
PIECE = 2**20  # bytes that are decoded at once: some milliseconds

_ENCODING = "Content-Encoding"


class _Frame(Protocol):
    """One frame of a coding (a gzip member, a zstd frame); a body may be several in a row."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Inflate:
    """zlib's decompressor, holding what it has not used as zstd's does."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class Decoded:
    """The plain bytes of a body in one content coding, piece by piece.

    Raises ApiError 415 for a coding that is not known, and for more than one.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._begun = False
        self._frame = self._new()

    def _new(self) -> _Frame:
        match self._coding:
            case "gzip" | "x-gzip":
                return _Inflate(31)
            case "deflate":
                return _Inflate(15)
            case "zstd":
                return zstd.ZstdDecompressor()
        raise ApiError(
            415, "a request body comes plain, or in gzip, deflate or zstd", param=_ENCODING
        )

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the next bytes hold, at most PIECE bytes at a time. Raises ApiError 400."""
        self._begun = self._begun or bool(chunk)
        while True:
            if self._frame.eof:
                chunk = self._frame.unused_data or chunk
                if not chunk:
                    return
                self._frame = self._new()
            try:
                piece = self._frame.decompress(chunk, PIECE)
            except (zlib.error, zstd.ZstdError):
                raise self._damaged() from None
            chunk = b""
            if piece:
                yield piece
            elif not self._frame.eof:
                return

    def end(self) -> None:
        """Raises ApiError 400 when the body ended within a frame."""
        if self._begun and not self._frame.eof:
            raise self._damaged()

    def _damaged(self) -> ApiError:
        return ApiError(400, f"the body is not whole {self._coding}", param=_ENCODING)
