"""A knowledge base, or a file of one, is deleted whole, whoever dies over it.

A deletion is noted in the ledger before anything else: an empty turn of the project's own that
waits like any other, so that one which broke off is found by the sweep and finished by whoever
takes the note up. Who adds a file leaves a note too, for it or its base may be deleted meanwhile:
whoever adds takes back what came too late, and who was killed before has it done by the note.
"""

from enum import StrEnum
from typing import Final

from gateway.errors import NoSuchKnowledgeBaseError
from gateway.memory import knowledge
from gateway.memory.documents import waiting
from gateway.memory.knowledge import BASE, FILE
from gateway.memory.model import (
    Holder,
    Millis,
    Scope,
    Turn,
    identifier,
    knowledge_base,
    project_wide,
)
from gateway.memory.ports import Registry, Store

_AT_ONCE: Final = 200  # entries that are deleted in one step


class Doing(StrEnum):
    """What a note is about."""

    ADDING = "adding"
    DELETING = "deleting"


async def delete_base(
    store: Store, registry: Registry, project: str, base_id: str, *, now: Millis
) -> None:
    """Delete a base with its files and all that it holds. Raises StoreError.

    Raises NoSuchKnowledgeBaseError where there is none, and none whose deletion broke off.
    """
    there = await knowledge.is_there(registry, project, base_id)
    if not there and not await is_noted(store, Doing.DELETING, project, base_id):
        raise NoSuchKnowledgeBaseError(base_id)
    left = await note(store, Doing.DELETING, project, base_id, base_id, now=now)
    await finish(store, registry, left)


async def delete_file(
    store: Store, registry: Registry, project: str, file_id: str, *, now: Millis
) -> bool:
    """Delete a file with all that was read out of it; whether there was one. Raises StoreError."""
    there = await registry.get_entries(project_wide(project), FILE, [file_id])
    noted = await store.get_turn(project, _note_id(Doing.DELETING, project, file_id))
    bases = [entry.group for entry in there] or list(noted.bases if noted else ())
    for base_id in bases:
        left = await note(store, Doing.DELETING, project, base_id, file_id, now=now)
        await finish(store, registry, left)
    return bool(bases)


async def note(
    store: Store, doing: Doing, project: str, base_id: str, entry_id: str, *, now: Millis
) -> Turn:
    """Note what is begun, on a base or on a file of it. Raises StoreError."""
    noted = Turn(
        id=_note_id(doing, project, entry_id),
        scope=Scope(project, doing, Holder.PROJECT),
        conversation=entry_id,
        messages=(),
        created=now,
        bases=(base_id,),
    )
    await store.put_turn(noted.scope, noted)
    return noted


async def is_noted(store: Store, doing: Doing, project: str, entry_id: str) -> bool:
    """Whether that is under way, or broke off. Raises StoreError."""
    return await store.get_turn(project, _note_id(doing, project, entry_id)) is not None


def is_note(turn: Turn) -> bool:
    """Whether that is what a turn is: nobody's words are the project's."""
    return turn.scope.holder is Holder.PROJECT


async def finish(store: Store, registry: Registry, noted: Turn) -> None:
    """Delete what is noted as being deleted, and what was added after that.

    The note is taken away last, so that whoever dies before leaves it to be found. Raises
    StoreError.
    """
    project, entry_id = noted.scope.project, noted.conversation
    [base_id] = noted.bases
    deleting = noted.scope.user == Doing.DELETING
    if deleting and entry_id == base_id:
        await _remove_base(store, registry, project, base_id)
    elif deleting or not await knowledge.is_kept(registry, project, base_id, entry_id):
        await registry.delete_entries(project_wide(project), FILE, [entry_id])
        await store.delete_conversation(knowledge_base(project, base_id), entry_id)
    await take_away(store, noted)


async def take_away(store: Store, noted: Turn) -> None:
    """What was noted is done. Raises StoreError."""
    await store.delete_conversation(noted.scope, noted.conversation)


async def _remove_base(store: Store, registry: Registry, project: str, base_id: str) -> None:
    everything = project_wide(project)
    await registry.delete_entries(everything, BASE, [base_id])
    while True:
        files, _ = await registry.list_entries(everything, FILE, group=base_id, limit=_AT_ONCE)
        if not files:
            break
        await registry.delete_entries(everything, FILE, [file.id for file in files])
    await store.erase(knowledge_base(project, base_id))


def _note_id(doing: Doing, project: str, entry_id: str) -> str:
    return waiting(identifier(doing, project, entry_id))
