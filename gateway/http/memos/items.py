"""Memories as items of the lists that the MemOS Cloud API answers with."""

import json
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from gateway.http.memos.times import iso
from gateway.memory import tool_telling
from gateway.memory.model import Holder, Kind, Memory, Millis
from gateway.memory.sharing import provenance

FACTS = frozenset({Kind.EPISODE, Kind.FACT, Kind.DOCUMENT})
PREFERENCES = frozenset({Kind.PREFERENCE})
TOOLS = frozenset({Kind.TOOL})

_TITLE_WORDS = 8
_TYPES = {Kind.EPISODE: "WorkingMemory"}


class SourceMessage(TypedDict):
    """A message that a memory came from. `conversation_id` is empty where another said it."""

    role: str
    role_name: str
    content: str
    conversation_id: str
    chat_time: str


class Detail(TypedDict):
    """What every memory has, whatever it is of.

    Times are milliseconds since the epoch; `memory_time` is when it was said. `provenance` is
    `personal` for the memory of the one who is asked about, `public` for what another shared with
    the project, `knowledgebase` for what is in that base; who the other is, is not told.
    """

    id: str
    create_time: Millis
    update_time: Millis
    memory_time: Millis
    conversation_id: str
    status: str
    confidence: float
    tags: list[str]
    info: dict[str, Any]
    sources: list[SourceMessage]
    provenance: Literal["personal", "public", "knowledgebase"]
    knowledgebase_id: NotRequired[str]
    relativity: NotRequired[float]


class FactDetail(Detail):
    """An item of `memory_detail_list`: a piece of a conversation, a fact, a part of a document."""

    memory_key: str
    memory_value: str
    memory_type: Literal["WorkingMemory", "LongTermMemory"]


class PreferenceDetail(Detail):
    """An item of `preference_detail_list`."""

    preference_type: Literal["explicit_preference", "implicit_preference"]
    preference: str
    reasoning: str


class ToolUse(TypedDict):
    """How it went with a tool; `success_rate` is 0 to 1."""

    used_tool: str
    error_type: str
    success_rate: float
    tool_experience: str


class ToolDetail(Detail):
    """An item of `tool_memory_detail_list`; the value of a ToolSchemaMemory is JSON."""

    tool_type: str
    tool_value: str
    tool_used_status: list[ToolUse]
    experience: str


class EventDetail(TypedDict):
    """An item of `event_detail_list`: a fact that tells when something happened."""

    id: str
    event_key: str
    event_value: str
    event_type: Literal["EventMemory"]
    event_time: list[str]
    event_location: list[str]
    event_roles: list[str]
    create_time: Millis
    update_time: Millis
    conversation_id: str
    status: str
    relativity: NotRequired[float]


def fact(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `memory_detail_list`."""
    return _detail(memory, relativity) | {
        "memory_key": memory.title or _title(memory.text),
        "memory_value": memory.text,
        "memory_type": _TYPES.get(memory.kind, "LongTermMemory"),
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
    type_ = tool_telling.tool_type(memory)
    told = tool_telling.experience(memory)
    if type_ == tool_telling.SCHEMA:
        value, status = json.dumps(tool_telling.schema(memory)), []
    else:
        value = memory.text
        status = [
            {
                "used_tool": tool_telling.tool_of(memory),
                "error_type": tool_telling.error_type(memory),
                "success_rate": tool_telling.success_rate(memory),
                "tool_experience": told,
            }
        ]
    return _detail(memory, relativity) | {
        "tool_type": type_,
        "tool_value": value,
        "tool_used_status": status,
        "experience": told,
    }


def event(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A fact with a date of its own as an item of `event_detail_list`."""
    whole = _detail(memory, relativity)
    shared = EventDetail.__annotations__.keys() & whole.keys()
    return {name: whole[name] for name in whole if name in shared} | {
        "event_key": memory.title or _title(memory.text),
        "event_value": memory.text,
        "event_type": "EventMemory",
        "event_time": [] if memory.event_time is None else [iso(memory.event_time)],
        "event_location": [],
        "event_roles": [],
    }


def is_event(memory: Memory) -> bool:
    """Whether a memory tells when something happened."""
    return memory.kind is Kind.FACT and memory.event_time is not None


def _detail(memory: Memory, relativity: float | None) -> dict[str, Any]:
    holder = memory.scope.holder
    scored = {} if relativity is None else {"relativity": round(relativity, 4)}
    based = {"knowledgebase_id": memory.scope.user} if holder is Holder.BASE else {}
    return (
        scored
        | based
        | {
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
            "provenance": provenance(memory),
        }
    )


def _title(text: str) -> str:
    words = text.split(maxsplit=_TITLE_WORDS)
    return " ".join(words[:_TITLE_WORDS]) + (" ..." if words[_TITLE_WORDS:] else "")
