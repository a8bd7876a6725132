"""Puts a block of memories into the bytes of a chat request, and leaves every other byte alone."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.http import splice
from gateway.settings import Position

_INSTRUCTIONS = ("system", "developer")  # no set: a role may be any JSON, also what has no hash


def inject(body: bytes, messages: Sequence[Any], block: str, position: Position) -> bytes | None:
    """The body with the block in place, or None when it has nowhere to go.

    `messages` is the parsed `body["messages"]`. By default the block leads the last user message,
    so that the caller's system prompt and history stay the same prefix from one request to the
    next. `message` puts it into a user message of its own before that one; `system` leads the
    first system message, or becomes one.
    """
    start = splice.find(body, b"messages")
    if start is None:
        return None
    places = list(splice.objects(body, start))
    if not places or len(places) != len(messages):  # something among them is no message
        return None
    roles = [message.get("role") for message in messages]
    if position == "system":
        index = next((i for i, role in enumerate(roles) if role in _INSTRUCTIONS), None)
        if index is None:
            return splice.insert(body, places[0], _message("system", block))
        return _lead(body, places[index], messages[index], block)
    latest = max((i for i, role in enumerate(roles) if role == "user"), default=None)
    if latest is None:
        return None
    if position == "message":
        return splice.insert(body, places[latest], _message("user", block))
    return _lead(body, places[latest], messages[latest], block)


def _lead(body: bytes, place: int, message: dict[str, Any], block: str) -> bytes | None:
    content = message.get("content")
    value = splice.find(body, b"content", place)
    if value is None:
        return None
    if isinstance(content, str):
        return splice.insert(body, value + 1, _quoted(block)[1:-1])
    if isinstance(content, list):
        part = b'{"type":"text","text":' + _quoted(block) + b"}"
        return splice.insert(body, value + 1, part + (b"," if content else b""))
    return None


def _message(role: str, block: str) -> bytes:
    return b'{"role":"' + role.encode() + b'","content":' + _quoted(block) + b"},"


def _quoted(block: str) -> bytes:
    return orjson.dumps(block)
