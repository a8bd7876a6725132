"""What is known of somebody, slot by slot: how it is read, and changed while others change it."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final

from gateway.errors import StoreError
from gateway.memory.indexing import indexed
from gateway.memory.model import Candidate, Kind, Memory, Scope, Status
from gateway.memory.ports import Embedder, Selection, Store
from gateway.memory.reconciliation import follow_up, given_up, identity, slots

STATED: Final = frozenset({Kind.FACT, Kind.PREFERENCE, Kind.TOOL})
KEPT: Final = frozenset(Status)  # a memory that was deleted stays so when it is said again
_MOST: Final = 100  # states of one slot that are compared
_ROUNDS: Final = 20  # of reading and writing the same slots, while others write them too


async def members(
    store: Store,
    scope: Scope,
    attributes: Collection[str],
    ids: Iterable[str],
    *,
    by: str | None = None,
) -> dict[str, Memory]:
    """Everything in these slots, of one contributor or of all, and what has these ids.

    What was superseded is included. Each slot is as it was at one moment: where somebody wrote to
    one between the two reads it is read again, or a decision would be made on half of it. Raises
    StoreError.
    """
    found = await _in_slots(store, scope, attributes, by)
    if others := sorted({*ids} - found.keys()):
        more = await store.get_memories(scope, others)
        found |= {memory.id: memory for memory in more}
        if any(memory.attribute in attributes for memory in more):
            found |= await _in_slots(store, scope, attributes, by)
    return found


async def known_of(store: Store, scope: Scope, candidates: Collection[Candidate]) -> list[Memory]:
    """Everything in the candidates' slots, what was superseded included.

    And what somebody moved out of them or deleted for good, by the ids of the statements. Raises
    StoreError.
    """
    known: dict[str, Memory] = {}
    wanted = {identity(candidate, scope) for candidate in candidates}
    while wanted:
        known |= await members(store, scope, slots(candidates), wanted)
        there = (known[each] for each in wanted if each in known)
        wanted = {follow_up(memory) for memory in there if given_up(memory)}
    return list(known.values())


async def revise(
    store: Store,
    embedder: Embedder,
    scope: Scope,
    read: Callable[[], Awaitable[Sequence[Memory]]],
    change: Callable[[Sequence[Memory]], Awaitable[list[Memory]]],
) -> None:
    """Read what is known, change it and write, as often as it takes.

    Another process may be changing the same memories. What it changed since they were read is left
    alone, so they are read again until nothing is to be changed: whoever writes last has seen
    everything, and everybody comes to the same. Raises EmbeddingError, and StoreError also when
    that takes too long.
    """
    for _ in range(_ROUNDS):
        known = await read()
        if not (changed := await change(known)):
            return
        entries = await indexed(changed, embedder)
        await store.revise_memories(scope, entries, known)
    raise StoreError("what is known kept changing while it was revised")


async def _in_slots(
    store: Store, scope: Scope, attributes: Collection[str], by: str | None
) -> dict[str, Memory]:
    found: dict[str, Memory] = {}
    for attribute in sorted(attributes):
        chosen = Selection(kinds=STATED, statuses=KEPT, attribute=attribute, by=by)
        listed, _ = await store.list_memories(scope, chosen, limit=_MOST)
        found |= {memory.id: memory for memory in listed}
    return found
