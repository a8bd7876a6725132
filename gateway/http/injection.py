"""Puts a block of memories into the bytes of a request, and leaves every other byte alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.http import splice
from gateway.settings import Position

_INSTRUCTIONS = ("system", "developer")  # no set: a role may be any JSON, also what has no hash


def inject(
    body: bytes,
    messages: Sequence[Mapping[str, Any]],
    block: str,
    position: Position,
    *,
    member: bytes = b"messages",
    part: str = "text",
) -> bytes | None:
    """The body with the block in place, or None when it has nowhere to go.

    `messages` are what the body's `member` holds, parsed, and `part` is the type of a text among
    the parts of a message. By default the block leads the last user message, so that the caller's
    system prompt and history stay the same prefix from one request to the next. `message` puts it
    into a user message of its own before that one; `system` leads the first system message, or
    becomes one.
    """
    start = splice.find(body, member)
    if start is None:
        return None
    places = list(splice.objects(body, start))
    if not places or len(places) != len(messages):  # something among them is no message
        return None
    roles = [message.get("role") for message in messages]
    if position == "system":
        index = next((i for i, role in enumerate(roles) if role in _INSTRUCTIONS), None)
        if index is None:
            return splice.insert(body, places[0], message("system", block) + b",")
        return _lead_message(body, places[index], messages[index], block, part)
    latest = max((i for i, role in enumerate(roles) if role == "user"), default=None)
    if latest is None:
        return None
    if position == "message":
        return splice.insert(body, places[latest], message("user", block) + b",")
    return _lead_message(body, places[latest], messages[latest], block, part)


def lead(
    body: bytes, value: int | None, content: object, block: str, part: str = "text"
) -> bytes | None:
    """The block leading `content`, a string or a list of parts that stands at `value`."""
    if value is None:
        return None
    if isinstance(content, str):
        return splice.insert(body, value + 1, quoted(block)[1:-1])
    if isinstance(content, list):
        piece = b'{"type":"' + part.encode() + b'","text":' + quoted(block) + b"}"
        return splice.insert(body, value + 1, piece + (b"," if content else b""))
    return None


def message(role: str, block: str) -> bytes:
    """The block as a message of its own."""
    return b'{"role":"' + role.encode() + b'","content":' + quoted(block) + b"}"


def quoted(block: str) -> bytes:
    return orjson.dumps(block)


def _lead_message(
    body: bytes, place: int, message: Mapping[str, Any], block: str, part: str
) -> bytes | None:
    value = splice.find(body, b"content", place)
    return lead(body, value, message.get("content"), block, part)
