"""Edits of a JSON request at the level of bytes, so that nothing else of it changes.

Parsing and dumping again would rewrite numbers (1e3, 1.10, 2**64), escapes, spacing and repeated
keys. Here the body keeps every byte that was not asked to change. All functions expect a document
that a JSON parser has already accepted; of a repeated key they mean the last, as the parser does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

# Strings are matched whole, possessively, so that brackets inside them are not seen and a string of
# many megabytes takes neither backtracking nor memory.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SPACE = re.compile(rb"[ \t\r\n]*")
_COMMA = re.compile(rb"[ \t\r\n]*,")
_COMMA_BEFORE = re.compile(rb",[ \t\r\n]*\Z")
_SCALAR = re.compile(rb"[^,\]}\s]*")
_QUOTE, _BRACE = b'"{'


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member of an object stands: its key's first byte and its value's first byte.

    `name` is what the key means, whatever escapes it is written with.
    """

    name: bytes
    key: int
    value: int


def members(document: bytes, start: int = 0) -> Iterator[Member]:
    """The members of the object that begins at `start` (white space before it is allowed)."""
    depth = 0
    for token in _TOKEN.finditer(document, start):
        at = token.start()
        byte = document[at]
        if byte == _QUOTE:  # at the first level, a key if a colon follows
            if depth == 1 and (colon := _COLON.match(document, token.end())):
                name = document[at + 1 : token.end() - 1]
                if b"\\" in name:
                    name = orjson.loads(token.group()).encode()
                yield Member(name, at, colon.end())
        elif byte in b"{[":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return


def objects(document: bytes, start: int) -> Iterator[int]:
    """Where each object in the array that begins at `start` begins; other elements are skipped."""
    depth = 0
    for token in _TOKEN.finditer(document, start):
        byte = document[token.start()]
        if byte in b"{[":
            if depth == 1 and byte == _BRACE:
                yield token.start()
            depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth == 0:
                return


def find(document: bytes, name: bytes, start: int = 0) -> int | None:
    """Where the value of a member begins, or None."""
    value = None
    for member in members(document, start):
        if member.name == name:
            value = member.value
    return value


def insert(document: bytes, at: int, piece: bytes) -> bytes:
    return document[:at] + piece + document[at:]


def remove(document: bytes, name: bytes) -> bytes:
    """The document without any member of this name at its first level."""
    for member in reversed([m for m in members(document) if m.name == name]):
        end = value_end(document, member.value)
        if comma := _COMMA.match(document, end):
            after = _SPACE.match(document, comma.end())
            document = document[: member.key] + document[after.end() if after else comma.end() :]
        elif before := _COMMA_BEFORE.search(document, 0, member.key):
            document = document[: before.start()] + document[end:]
        else:
            document = document[: member.key] + document[end:]
    return document


def value_end(document: bytes, start: int) -> int:
    """Where the value that begins at `start` ends."""
    depth = 0
    if document[start] not in b'"{[':
        scalar = _SCALAR.match(document, start)
        return scalar.end() if scalar else start
    for token in _TOKEN.finditer(document, start):
        byte = document[token.start()]
        if byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
        if depth == 0:
            return token.end()
    return len(document)
