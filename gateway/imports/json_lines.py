"""JSON Lines: a conversation to a line, `{"id": "...", "messages": [{"role", "content", "time"}]}`.

`content` is a text, or a list of parts as in the OpenAI API; `time` is seconds or milliseconds
since the epoch, and may be missing.
"""

from collections.abc import Mapping
from typing import Any

from gateway.imports.conversation import Conversation, Said, said
from gateway.memory.model import text_of


def is_one(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("messages"), list)


def read(item: Mapping[str, Any], number: int) -> Conversation:
    """The conversation of a line, `number` being the line's where it has no id of its own."""
    spoken = [one for each in item["messages"] if (one := _message(each)) is not None]
    return Conversation(str(item.get("id") or f"line-{number}"), tuple(spoken))


def _message(message: Any) -> Said | None:  # noqa: ANN401  an export's JSON may be anything
    if not isinstance(message, dict):
        return None
    return said(message.get("role"), text_of(message.get("content")), message.get("time"))
