"""The files of knowledge bases: added, told how far they are, read back.

A file's id follows from its base, name, type and content, so that the same file added twice is one.
Its entry is written before what was read out of it, and whoever adds or learns looks for the entry
afterwards: of a file that is deleted meanwhile nothing stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from gateway.memory import documents, knowledge
from gateway.memory.documents import Chunk
from gateway.memory.filters import Condition
from gateway.memory.knowledge import FILE
from gateway.memory.knowledge_deletion import Doing, is_noted, note, take_away
from gateway.memory.model import (
    Entry,
    Kind,
    Memory,
    Millis,
    TurnState,
    identifier,
    knowledge_base,
    project_wide,
)
from gateway.memory.ports import Registry, Selection, Store
from gateway.memory.turn_log import TurnLog

Type: TypeAlias = Literal["document", "skill"]

INTERRUPTED: Millis = 10 * 60_000  # after which what is not recorded is not being recorded

_DOCUMENTS = frozenset({Kind.DOCUMENT})
_AT_ONCE = 200  # entries that are read at once


class State(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A file as it was given: its size in bytes, and the SHA-256 of its content in hexadecimal."""

    name: str
    type: Type
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a base. It was recorded in `turns` turns; `error` says why it could not be read."""

    id: str
    base: str
    name: str
    type: Type
    size: int
    turns: int
    chunks: int
    error: str
    created: Millis


def file_id(base_id: str, given: Given) -> str:
    """32 hexadecimal digits, the same for the same file in the same base."""
    return identifier("file", base_id, given.name, given.type, given.digest).replace("-", "")


async def find(registry: Registry, project: str, ids: Sequence[str]) -> list[File]:
    """Those of these files that the project has, in the order asked. Raises StoreError.

    A file whose base is gone is gone, though whoever added it was killed before taking it back.
    """
    everything = project_wide(project)
    entries = await registry.get_entries(everything, FILE, list(dict.fromkeys(ids)))
    asked = list(dict.fromkeys(entry.group for entry in entries))
    bases = await registry.get_entries(everything, knowledge.BASE, asked) if asked else []
    there = {base.id for base in bases}
    return [_file(entry) for entry in entries if entry.group in there]


async def listed(
    registry: Registry,
    project: str,
    base_id: str,
    *,
    type_: Type | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[File], int]:
    """A page of a base's files, latest added first, and how many there are. Raises StoreError."""
    everything = project_wide(project)
    if type_ is None:
        entries, total = await registry.list_entries(
            everything, FILE, group=base_id, limit=limit, offset=offset
        )
        return [_file(entry) for entry in entries], total
    chosen: list[File] = []
    start, total = 0, 1
    while start < total:
        entries, total = await registry.list_entries(
            everything, FILE, group=base_id, limit=_AT_ONCE, offset=start
        )
        chosen += [file for file in map(_file, entries) if file.type == type_]
        start += _AT_ONCE
    return chosen[offset : offset + limit], len(chosen)


async def state(store: Store, project: str, file: File, now: Millis) -> tuple[State, str]:
    """How far a file is, and why it failed if it did. Raises StoreError."""
    if file.error:
        return State.FAILED, file.error
    counts = await store.turn_states(knowledge_base(project, file.base), file.id)
    if counts.get(TurnState.PARKED):
        return State.FAILED, "a part of it could not be learned"
    if counts.get(TurnState.LEARNED, 0) >= file.turns:
        return State.COMPLETED, ""
    if sum(counts.values()) < file.turns and now - file.created > INTERRUPTED:
        return State.FAILED, "adding it was interrupted: add it again"
    return State.RUNNING, ""


async def is_recorded(store: Store, project: str, file: File) -> bool:
    """Whether all that was read out of it is there or given up on; then adding it adds nothing."""
    counts = await store.turn_states(knowledge_base(project, file.base), file.id)
    whole = sum(counts.values()) >= file.turns and not counts.get(TurnState.PARKED)
    return whole and not file.error


async def add(
    store: Store,
    registry: Registry,
    turn_log: TurnLog,
    *,
    project: str,
    base_id: str,
    given: Given,
    read: Sequence[Chunk],
    error: str,
    now: Millis,
) -> File | None:
    """Record what was read out of a file, or why nothing was; None if it is deleted meanwhile.

    When this returns, all of it survives a crash and is found by its words. Raises StoreError, and
    then the same again does what is left to do.
    """
    key = file_id(base_id, given)
    scope = knowledge_base(project, base_id)
    turns = documents.turns(scope, key, read, name=given.name, type_=given.type, now=now)
    value = {
        "name": given.name,
        "type": given.type,
        "size": given.size,
        "turns": len(turns),
        "chunks": len(read),
        "error": error,
    }
    entry = Entry(kind=FILE, id=key, value=value, created=now, updated=now, group=base_id)
    noted = await note(store, Doing.ADDING, project, base_id, key, now=now)
    await registry.put_entry(project_wide(project), entry)
    if await is_noted(store, Doing.DELETING, project, key):
        # Whoever deletes it might yet delete what is recorded from here on.
        await registry.delete_entries(project_wide(project), FILE, [key])
        await take_away(store, noted)
        return None
    for turn in turns:
        await turn_log.keep(turn)
        if not await knowledge.is_kept(registry, project, base_id, key):
            await store.delete_conversation(scope, key)
            break
    kept = await knowledge.is_kept(registry, project, base_id, key)
    if not kept:
        await registry.delete_entries(project_wide(project), FILE, [key])
    await take_away(store, noted)
    return _file(entry) if kept else None


async def chunks(
    store: Store, project: str, file: File, *, limit: int, offset: int = 0
) -> tuple[list[Memory], int]:
    """A page of what was read out of a file, in its order, and how many there are in all."""
    scope = knowledge_base(project, file.base)
    own = Selection(kinds=_DOCUMENTS, where=Condition("conversation_id", "eq", file.id))
    _, total = await store.list_memories(scope, own, limit=1)
    end = max(total - offset, 0)  # they come last first
    start = max(end - limit, 0)
    if start == end:
        return [], total
    page, _ = await store.list_memories(scope, own, limit=end - start, offset=start)
    return page[::-1], total


def _file(entry: Entry) -> File:
    value = entry.value
    return File(
        id=entry.id,
        base=entry.group,
        name=value["name"],
        type=value["type"],
        size=value["size"],
        turns=value["turns"],
        chunks=value["chunks"],
        error=value["error"],
        created=entry.created,
    )
