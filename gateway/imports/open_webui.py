"""Open WebUI's export of chats: a list, each a tree of messages and the branch that is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.imports.conversation import Conversation, Said, branch, said


def is_one(item: Mapping[str, Any]) -> bool:
    chat = item.get("chat")
    return isinstance(chat, dict) and ("history" in chat or "messages" in chat)


def read(item: Mapping[str, Any], number: int) -> Conversation:
    """One chat of the list, `number` being its place where it has no id of its own."""
    chat: Mapping[str, Any] = item["chat"]
    spoken = [one for each in _shown(chat) if (one := _message(each)) is not None]
    return Conversation(f"open-webui-{item.get('id') or number}", tuple(spoken))


def _shown(chat: Mapping[str, Any]) -> Sequence[Any]:
    history = chat.get("history")
    nodes = history.get("messages") if isinstance(history, dict) else None
    if not isinstance(history, dict) or not isinstance(nodes, dict):
        messages = chat.get("messages")
        return messages if isinstance(messages, list) else []
    return branch(nodes, history.get("currentId"), "parentId")


def _message(message: Any) -> Said | None:  # noqa: ANN401  an export's JSON may be anything
    if not isinstance(message, dict):
        return None
    return said(message.get("role"), message.get("content"), message.get("timestamp"))
