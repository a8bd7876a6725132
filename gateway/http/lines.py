"""A stream passed on in whole lines, so that a line of ours may follow wherever it breaks off.

Half an event behind which an error event came would spoil both. A line's beginning waits for its
end, which costs nothing that a client could use: it reads whole lines too.
"""

MOST = 64 * 2**10  # bytes of a line that are held; a longer one passes as it comes

_EVENT_ENDS = (b"\n\n", b"\r\r", b"\n\r\n")


class WholeLines:
    r"""Lines end in \n, \r\n or \r."""

    def __init__(self) -> None:
        self._held = b""
        self._last = b"\n\n"  # bytes passed on; a stream begins between two events

    def add(self, chunk: bytes) -> bytes:
        """What may be passed on now, in order and complete but for a line's beginning."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if end:
            piece, self._held = self._held + chunk[:end], chunk[end:]
        else:
            piece, self._held = b"", self._held + chunk
        if len(self._held) > MOST:
            piece, self._held = piece + self._held, b""
        self._last = (self._last + piece)[-3:]
        return piece

    def rest(self) -> bytes:
        """What is held of the last line, to be passed on at the stream's end."""
        rest, self._held = self._held, b""
        return rest

    @property
    def between(self) -> bool:
        r"""Whether what was passed on ends a line, so that a comment may follow.

        After \r nobody knows yet: the line may end in \r\n.
        """
        return self._last.endswith(b"\n")

    def gap(self) -> bytes:
        """What ends the event under way, if one is, before an event of our own."""
        if self._last.endswith(_EVENT_ENDS):
            return b""
        return b"\n" if self.between else b"\n\n"
