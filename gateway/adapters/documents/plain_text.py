"""Plain text: its encoding is found, and paragraphs are what empty lines part."""

import re
from collections.abc import Iterator

from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LOOKED_AT = 4096  # bytes by which an encoding is guessed
# Chinese in GB 2312 and what extends it: two high bytes a character. Accented Latin letters, in
# one byte each, seldom stand in pairs.
_PAIRS = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_HIGH = re.compile(rb"[\x80-\xff]")
_MOSTLY = 0.9
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_MOST_CONTROLS = 0.02  # of a text's characters
_EMPTY_LINES = re.compile(r"\n[^\S\n]*\n\s*")


def decoded(content: bytes) -> str:
    """The text: by its byte order mark, as UTF-8, as UTF-16 that has none, else by a guess.

    Of other encodings, Chinese ones are known by their pairs of high bytes; all else is taken for
    Western European, in which every byte says something. Raises UnreadableError for what is no
    text.
    """
    text = content.decode(_encoding(content), "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    controls = len(_CONTROLS.findall(text[:_LOOKED_AT]))
    if controls > _MOST_CONTROLS * len(text[:_LOOKED_AT]):
        raise UnreadableError("it is no text")
    return _CONTROLS.sub("", text)


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    try:
        content.decode()
    except UnicodeDecodeError:
        pass
    else:
        if b"\x00" not in content[:_LOOKED_AT]:
            return "utf-8"
    start = content[:_LOOKED_AT]
    if (zeros := start.count(b"\x00")) > len(start) // 5:
        return "utf-16-be" if start[::2].count(b"\x00") > zeros // 2 else "utf-16-le"
    paired = sum(len(pair) for pair in _PAIRS.findall(start))
    if paired >= _MOSTLY * len(_HIGH.findall(start)):
        return "gb18030"
    return "cp1252"


def paragraphs(text: str) -> Iterator[str]:
    """What empty lines part."""
    for paragraph in _EMPTY_LINES.split(text):
        if kept := paragraph.strip():
            yield kept


def read(content: bytes) -> Iterator[Block]:
    return map(Block, paragraphs(decoded(content)))
