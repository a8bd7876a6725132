"""Memories, turns and entries as our own API shows them. Times are milliseconds since 1970, UTC."""

from typing import Any, Literal

from typing_extensions import TypedDict

from gateway.memory.changing import History
from gateway.memory.feedback import conversation_named
from gateway.memory.model import Entry, Holder, Memory, Revision, Source, Turn
from gateway.memory.sharing import provenance


class Deleted(TypedDict):
    """What is gone, and of which kind it was."""

    id: str
    object: str
    deleted: bool


class SourceItem(TypedDict):
    role: str
    name: str
    content: str
    said_at: int
    conversation_id: str
    turn_id: str


class MemoryItem(TypedDict):
    id: str
    object: str
    kind: str
    content: str
    title: str
    status: str
    user: str | None
    provenance: Literal["personal", "public", "knowledgebase"]
    speaker: str
    origins: list[str]
    explicit: bool
    instruction: bool
    confidence: float
    conversation_id: str
    agent_id: str
    app_id: str
    tags: list[str]
    info: dict[str, Any]
    said_at: int
    event_at: int | None
    created_at: int
    updated_at: int
    valid_from: int | None
    valid_to: int | None
    supersedes: list[str]
    superseded_by: str | None
    sources: list[SourceItem]


class FoundItem(MemoryItem):
    relevance: float


class RevisionItem(TypedDict):
    content: str
    title: str
    status: str
    tags: list[str]
    info: dict[str, Any]
    until: int
    by: str


class HistoryItem(TypedDict):
    id: str
    object: str
    current: MemoryItem
    revisions: list[RevisionItem]
    supersedes: list[MemoryItem]
    superseded_by: MemoryItem | None


def memory_item(memory: Memory) -> MemoryItem:
    return {
        "id": memory.id,
        "object": "memory",
        "kind": memory.kind.value,
        "content": memory.text,
        "title": memory.title,
        "status": memory.status.value,
        "user": memory.scope.user if memory.scope.holder is Holder.USER else None,
        "provenance": provenance(memory),
        "speaker": memory.speaker.value,
        "origins": [origin.value for origin in memory.origins],
        "explicit": memory.explicit,
        "instruction": memory.instruction,
        "confidence": memory.confidence,
        "conversation_id": memory.conversation,
        "agent_id": memory.labels.agent_id,
        "app_id": memory.labels.app_id,
        "tags": list(memory.labels.tags),
        "info": dict(memory.labels.info),
        "said_at": memory.time,
        "event_at": memory.event_time,
        "created_at": memory.created,
        "updated_at": memory.updated,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
        "supersedes": list(memory.supersedes),
        "superseded_by": memory.superseded_by or None,
        "sources": [_source(source) for source in memory.sources],
    }


def found_item(memory: Memory, relevance: float) -> FoundItem:
    return {**memory_item(memory), "relevance": round(relevance, 4)}


def history_item(history: History) -> HistoryItem:
    return {
        "id": history.memory.id,
        "object": "memory.history",
        "current": memory_item(history.memory),
        "revisions": [_revision(revision) for revision in history.revisions],
        "supersedes": [memory_item(memory) for memory in history.supersedes],
        "superseded_by": None
        if history.superseded_by is None
        else memory_item(history.superseded_by),
    }


def turn_item(turn: Turn) -> dict[str, Any]:
    """A turn of the record, every message as it was sent."""
    return {
        "id": turn.id,
        "object": "turn",
        "conversation_id": conversation_named(turn),
        "created_at": turn.created,
        "ending": turn.ending.value,
        "feedback": turn.feedback,
        "agent_id": turn.labels.agent_id,
        "app_id": turn.labels.app_id,
        "tags": list(turn.labels.tags),
        "info": dict(turn.labels.info),
        "messages": [
            {
                **message.extra,
                "role": message.role,
                "name": message.name,
                "content": message.content,
                "said_at": message.time,
                "repeats": message.repeats,
            }
            for message in turn.messages
        ],
    }


def entry_item(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "object": "entry",
        "kind": entry.kind,
        "value": dict(entry.value),
        "created_at": entry.created,
        "updated_at": entry.updated,
    }


def _source(source: Source) -> SourceItem:
    return {
        "role": source.role,
        "name": source.name,
        "content": source.content,
        "said_at": source.time,
        "conversation_id": source.conversation,
        "turn_id": source.turn,
    }


def _revision(revision: Revision) -> RevisionItem:
    return {
        "content": revision.text,
        "title": revision.title,
        "status": revision.status.value,
        "tags": list(revision.tags),
        "info": dict(revision.info),
        "until": revision.until,
        "by": revision.by,
    }
