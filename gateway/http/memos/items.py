"""Memories as items of the lists that the MemOS Cloud API answers with."""

import json
from typing import Any

from gateway.http.memos.times import iso
from gateway.memory import tools
from gateway.memory.model import Kind, Memory

FACTS = frozenset({Kind.EPISODE, Kind.FACT})
PREFERENCES = frozenset({Kind.PREFERENCE})
TOOLS = frozenset({Kind.TOOL})

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


def tool(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `tool_memory_detail_list`."""
    type_ = tools.tool_type(memory)
    told = tools.experience(memory)
    if type_ == tools.SCHEMA:
        value, status = json.dumps(tools.schema(memory)), []
    else:
        value = memory.text
        status = [
            {
                "used_tool": tools.tool_of(memory),
                "error_type": tools.error_type(memory),
                "success_rate": tools.success_rate(memory),
                "tool_experience": told,
            }
        ]
    return _detail(memory, relativity) | {
        "tool_type": type_,
        "tool_value": value,
        "tool_used_status": status,
        "experience": told,
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
