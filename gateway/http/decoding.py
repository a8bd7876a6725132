"""Reads compressed bytes aside, as they come, without ever failing or growing without bound."""

import zlib

MOST = 8 * 2**20  # bytes that one piece may come to; a bomb is not read to its end

_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 47}  # of zlib; 47 tells its two formats apart


class Decoder:
    """Of a content coding: gzip, deflate, or none. Of another, or of what is damaged, nothing."""

    def __init__(self, coding: str) -> None:
        self._plain = coding in {"", "identity"}
        window = _WINDOW.get(coding)
        self._inflate = zlib.decompressobj(window) if window else None

    def feed(self, piece: bytes) -> bytes:
        """What the next piece says."""
        if self._plain:
            return piece
        if self._inflate is None:
            return b""
        try:
            said = self._inflate.decompress(piece, MOST)
        except zlib.error:
            said = b""
        else:
            if not self._inflate.unconsumed_tail:
                return said
        self._inflate = None
        return said
