"""Shared memory: what a turn states is written for others too, where its user allows that.

Others are everybody in the project, or who asks a knowledge base. A copy is made of the shared turn
alone and knows nothing of what else its user said; it bears who contributed it, and no name of the
conversation. In a shared scope each contributor has slots of their own: nobody's word ends
another's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal

from gateway.memory.filters import Condition
from gateway.memory.model import (
    Candidate,
    Holder,
    Kind,
    Memory,
    Scope,
    Status,
    Turn,
    identifier,
    knowledge_base,
    public,
)
from gateway.memory.ports import Selection, Store
from gateway.memory.reconciliation import identity, retired

_ANYTHING: Final = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
_PAGE: Final = 200


def shared_turns(turn: Turn) -> list[Turn]:
    """The turn as each scope sees it that it is shared with; none, where it is not."""
    project = turn.scope.project
    scopes = [public(project)] if turn.public else []
    scopes += [knowledge_base(project, base_id) for base_id in dict.fromkeys(turn.bases)]
    labels = replace(turn.labels, related=())
    return [
        replace(turn, scope=scope, conversation="", preceding="", labels=labels) for scope in scopes
    ]


def provenance(memory: Memory) -> Literal["personal", "public", "knowledgebase"]:
    """Whether a memory is a user's or an agent's own, or in which kind of shared scope it is."""
    match memory.scope.holder:
        case Holder.PUBLIC:
            return "public"
        case Holder.BASE:
            return "knowledgebase"
    return "personal"


def copy_id(memory_id: str) -> str:
    """The id of the copies of a user's memory, the same in whatever scope it is shared."""
    return identifier("shared", memory_id)


def episode_copy(episode: Memory, contributor: Scope) -> Memory:
    """An episode of a shared turn as what its contributor's own has become there."""
    return replace(episode, id=copy_id(episode.id), contributor=contributor.contributor)


def stated_copies(
    candidates: Iterable[Candidate],
    known: Iterable[Memory],
    said_again: Mapping[Candidate, str],
    scope: Scope,
) -> dict[Candidate, str]:
    """What a turn states, for others, each with the id of the copy.

    Left out is what its user's own memory, `known`, does not hold: what the user has taken out or
    given other words, and the assistant's view of what the user has spoken of. `said_again` are the
    ids of the memories that some candidates only reword.
    """
    own = {memory.id: memory for memory in known}
    copies: dict[Candidate, str] = {}
    for candidate in candidates:
        memory = own.get(said_again.get(candidate) or identity(candidate, scope))
        if memory is None or retired(memory):
            continue
        if not memory.revisions or memory.text == candidate.text:
            nameless = replace(candidate.source, conversation="")
            copies[replace(candidate, source=nameless)] = copy_id(memory.id)
    return copies


async def withdraw(store: Store, project: str, ids: Iterable[str]) -> int:
    """Remove the shared copies of these memories for good; how many there were.

    For whoever deletes a user's own. Raises StoreError.
    """
    held = defaultdict[Scope, list[str]](list)
    for copy in await store.find_memories(project, [copy_id(each) for each in ids]):
        held[copy.scope].append(copy.id)
    return sum([await store.delete_memories(scope, copies) for scope, copies in held.items()])


async def delete_conversation(store: Store, scope: Scope, conversation: str) -> int:
    """Remove a conversation's turns and memories for good, and what was shared of its turns.

    How many there were of the user's own. Raises StoreError.
    """
    said_there = Condition("conversation_id", "eq", conversation)
    chosen = replace(_ANYTHING, where=said_there)
    turns: dict[str, None] = {}
    offset, total = 0, 1
    while offset < total:
        memories, total = await store.list_memories(scope, chosen, limit=_PAGE, offset=offset)
        turns |= dict.fromkeys(source.turn for memory in memories for source in memory.sources)
        offset += _PAGE
    for turn_id in turns:
        turn = await store.get_turn(scope.project, turn_id)
        if turn is not None and (turn.scope, turn.conversation) == (scope, conversation):
            await _withdraw_turn(store, turn)
    return await store.delete_conversation(scope, conversation)


async def _withdraw_turn(store: Store, turn: Turn) -> None:
    chosen = replace(_ANYTHING, turn=turn.id, by=turn.scope.contributor)
    for copy in shared_turns(turn):
        while True:
            memories, _ = await store.list_memories(copy.scope, chosen, limit=_PAGE)
            if not memories:
                break
            await store.delete_memories(copy.scope, [memory.id for memory in memories])
