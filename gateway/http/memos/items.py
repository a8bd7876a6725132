"""Memories as items of the lists that the MemOS Cloud API answers with."""

from typing import Any

from gateway.http.memos.times import iso
from gateway.memory.model import Kind, Memory

FACTS = frozenset({Kind.EPISODE, Kind.FACT})
PREFERENCES = frozenset({Kind.PREFERENCE})

_TITLE_WORDS = 8


def fact(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `memory_detail_list`."""
    return _detail(memory, relativity) | {
        "memory_key": _title(memory.text),
        "memory_value": memory.text,
        "memory_type": "WorkingMemory" if memory.kind is Kind.EPISODE else "LongTermMemory",
    }


def preference(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `preference_detail_list`."""
    return _detail(memory, relativity) | {
        "preference_type": f"{'explicit' if memory.explicit else 'implicit'}_preference",
        "preference": memory.text,
        "reasoning": memory.reasoning,
    }


def _detail(memory: Memory, relativity: float | None) -> dict[str, Any]:
    scored = {} if relativity is None else {"relativity": round(relativity, 4)}
    return scored | {
        "id": memory.id,
        "create_time": memory.created,
        "update_time": memory.updated,
        "memory_time": memory.time,
        "conversation_id": memory.conversation,
        "status": memory.status.value,
        "confidence": memory.confidence,
        "tags": list(memory.labels.tags),
        "info": dict(memory.labels.info),
        "sources": [
            {
                "role": source.role,
                "role_name": source.name,
                "content": source.content,
                "conversation_id": source.conversation,
                "chat_time": iso(source.time),
            }
            for source in memory.sources
        ],
    }


def _title(text: str) -> str:
    words = text.split(maxsplit=_TITLE_WORDS)
    return " ".join(words[:_TITLE_WORDS]) + (" ..." if words[_TITLE_WORDS:] else "")
