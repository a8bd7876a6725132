"""ChatGPT's export: `conversations.json`, by itself or in the zip that is sent.

A conversation is a tree of messages, for a person may edit what they said and have an answer made
again; what counts is the branch that the application shows, which ends in `current_node`.
"""

from collections.abc import Mapping
from typing import Any

from gateway.imports.conversation import Conversation, Said, branch, said

_WORDS = frozenset({"text", "multimodal_text"})  # not code for tools, their output, instructions


def is_one(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("mapping"), dict)


def read(item: Mapping[str, Any], number: int) -> Conversation:
    """One conversation of the list, `number` being its place where it has no id of its own."""
    nodes: dict[str, Any] = item["mapping"]
    last = item.get("current_node")
    if not isinstance(last, str) or last not in nodes:
        last = next(reversed(nodes), None)
    shown = (_message(node.get("message")) for node in branch(nodes, last, "parent"))
    key = item.get("conversation_id") or item.get("id") or f"{item.get('create_time')}-{number}"
    return Conversation(f"chatgpt-{key}", tuple(one for one in shown if one is not None))


def _message(message: Any) -> Said | None:  # noqa: ANN401  an export's JSON may be anything
    if not isinstance(message, dict):
        return None
    author, content = message.get("author"), message.get("content")
    metadata = message.get("metadata")
    if not isinstance(author, dict) or not isinstance(content, dict):
        return None
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return None
    if content.get("content_type") not in _WORDS or message.get("recipient", "all") != "all":
        return None
    parts = content.get("parts")
    words = [part for part in parts if isinstance(part, str)] if isinstance(parts, list) else []
    return said(author.get("role"), "\n".join(words), message.get("create_time"))
