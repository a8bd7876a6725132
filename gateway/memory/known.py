"""What is known of somebody, slot by slot: how it is read, and changed while others change it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
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


async def in_slots(
    store: Store, scope: Scope, attributes: Collection[str], *, by: str | None = None
) -> list[Memory]:
    """Everything in these slots, of one contributor or of all; what was superseded included.

    Raises StoreError.
    """
    known: list[Memory] = []
    for attribute in sorted(attributes):
        chosen = Selection(kinds=STATED, statuses=KEPT, attribute=attribute, by=by)
        known += (await store.list_memories(scope, chosen, limit=_MOST))[0]
    return known


async def known_of(store: Store, scope: Scope, candidates: Collection[Candidate]) -> list[Memory]:
    """Everything in the candidates' slots, what was superseded included.

    And what somebody moved out of them or deleted for good, by the ids of the statements. Raises
    StoreError.
    """
    listed = await in_slots(store, scope, slots(candidates))
    known = {memory.id: memory for memory in listed}
    wanted = {identity(candidate, scope) for candidate in candidates}
    while wanted:
        if elsewhere := wanted - known.keys():
            found = await store.get_memories(scope, sorted(elsewhere))
            known |= {memory.id: memory for memory in found}
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
