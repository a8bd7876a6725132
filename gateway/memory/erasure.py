"""Everything of a user is gone, and stays so, whatever is still under way.

An erasure leaves a mark with its moment. A turn of the same scope that was created until then is
not learned any more, be it recorded late, replayed from a spool or under way while all was erased.
For a job that may be at work on a turn just now an empty turn of the same id is left behind, still
to be learned: whoever takes it up, that job or the next after its death, clears up after it. It
stays for as long as a job may last, for of two that are at work on a turn one may die after the
other has cleared up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from gateway.errors import SpoolError
from gateway.memory import knowledge, profiles, tools
from gateway.memory.indexing import indexed
from gateway.memory.model import (
    Entry,
    Kind,
    Memory,
    Millis,
    Scope,
    Status,
    Turn,
    TurnState,
    identifier,
    now,
    project_wide,
    public,
)
from gateway.memory.ports import Embedder, JobQueue, Registry, Selection, Spool, Store
from gateway.memory.sharing import shared_turns

T = TypeVar("T")

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))

_MARK = "erasure"
_PAGE = 200
_SPOOL = 5.0  # seconds that an erasure waits for the spool, which may be being replayed just now


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an erasure removed, and when. `contributions` is what others could recall of it."""

    id: str
    erased: Millis
    turns: int
    memories: int
    contributions: int
    entries: int

    @property
    def total(self) -> int:
        return self.turns + self.memories + self.contributions + self.entries


class Eraser:
    """Erases scopes of one store, and of the spools that nobody else has open.

    What another process keeps in its spool is dropped when that is replayed. Raises StoreError;
    what it was interrupted in is done again.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        queue: JobQueue,
        spool: Spool,
        clock: Callable[[], Millis] = now,
    ) -> None:
        self._store = store
        self._registry = registry
        self._queue = queue
        self._spool = spool
        self._clock = clock
        self._emptying: set[asyncio.Task[None]] = set()

    async def erase(self, scope: Scope) -> Receipt:
        """Remove all of a user or an agent: turns, memories, entries, contributions to others.

        The mark comes first: a job that begins later sees it, and the turn of one that began
        earlier is among those that are pending.
        """
        erased = self._clock()
        await put_mark(self._registry, scope, erased)
        emptying = asyncio.create_task(self._empty_spool(scope, erased))
        self._emptying.add(emptying)
        emptying.add_done_callback(self._emptying.discard)
        await asyncio.wait({emptying}, timeout=_SPOOL)
        turns = [turn async for turn in all_turns(self._store, scope)]
        _, memories = await self._store.list_memories(scope, EVERYTHING, limit=1)
        removed = await self._store.erase(scope)
        entries = await profiles.forget(self._registry, scope)
        entries += await self._registry.erase(scope)
        for turn in turns:
            if turn.state is TurnState.PENDING:
                await self._store.put_turn(scope, _husk(turn, erased))
                await self._queue.enqueue(turn.id)
        heard = sum(bool(turn.messages) for turn in turns)
        return Receipt(
            id=identifier("receipt", *scope.parts, str(erased)),
            erased=erased,
            turns=heard,
            memories=memories,
            contributions=max(0, removed - len(turns) - memories),
            entries=entries,
        )

    async def _empty_spool(self, scope: Scope, erased: Millis) -> None:
        with suppress(SpoolError):  # then they are dropped when they are replayed
            await self._spool.replay(partial(_is_of, scope, erased))


async def _is_of(scope: Scope, erased: Millis, turn: Turn) -> bool:
    return turn.scope == scope and turn.created <= erased


async def put_mark(registry: Registry, scope: Scope, erased: Millis) -> None:
    """Note that the scope was erased; not whose it was, only a digest of that."""
    mark = Entry(
        kind=_MARK,
        id=_mark_id(scope),
        value={"at": erased},
        created=erased,
        updated=erased,
    )
    await registry.put_entry(project_wide(scope.project), mark)


async def is_erased(registry: Registry, turn: Turn) -> bool:
    """Whether the turn was created before its scope was erased. Raises StoreError."""
    return await erased_at(registry, turn) is not None


async def erased_at(registry: Registry, turn: Turn) -> Millis | None:
    """When the scope of the turn was erased, if the turn was created before. Raises StoreError."""
    scope = turn.scope
    for mark in await registry.get_entries(project_wide(scope.project), _MARK, [_mark_id(scope)]):
        erased: Millis = mark.value["at"]
        if turn.created <= erased:
            return erased
    return None


async def clear_up(
    store: Store, embedder: Embedder, turn: Turn, erased: Millis, *, last: bool = True
) -> None:
    """Remove a turn that was erased then, and whatever comes from turns that are no longer there.

    What was said since the erasure stays. Unless it is for the `last` time, an empty turn is left
    to be learned. Raises StoreError.
    """
    for scope in (turn.scope, *(copy.scope for copy in shared_turns(turn))):
        await _clear(store, embedder, scope, turn, erased)
    # Last, for whoever dies before leaves it to be found by the next.
    # It is alone in its conversation, and not the turn that a job would mark as learned.
    alone = _husk(turn, erased)
    await store.put_turn(turn.scope, alone)
    if last:
        await store.delete_conversation(turn.scope, alone.conversation)


def all_turns(store: Store, scope: Scope) -> AsyncIterator[Turn]:
    """Every turn of a scope, latest first. Raises StoreError."""
    return _pages(partial(store.list_turns, scope))


def all_memories(store: Store, scope: Scope, *, by: str | None = None) -> AsyncIterator[Memory]:
    """Every memory of a scope, whatever its status, latest said first; `by` names a contributor.

    Raises StoreError.
    """
    return _pages(partial(store.list_memories, scope, replace(EVERYTHING, by=by)))


async def holdings(
    store: Store, registry: Registry, scope: Scope
) -> AsyncIterator[Turn | Memory | Entry]:
    """All that is held about a user: turns, memories, entries, and what others may recall of it.

    What was deleted for good, and what an erasure is still clearing up, is not held any more.
    Raises StoreError.
    """
    async for turn in all_turns(store, scope):
        if turn.messages:
            yield turn
    async for memory in all_memories(store, scope):
        if memory.text:
            yield memory
    async for memory in _contributed(store, registry, scope):
        yield memory
    async for entry in _pages(partial(registry.all_entries, scope)):
        yield entry


async def _contributed(store: Store, registry: Registry, scope: Scope) -> AsyncIterator[Memory]:
    bases = await knowledge.resolve(registry, scope.project, knowledge.ALL)
    for shared in (public(scope.project), *bases):
        async for memory in all_memories(store, shared, by=scope.contributor):
            if memory.text:
                yield memory


async def _pages(read: Callable[..., Awaitable[tuple[list[T], int]]]) -> AsyncIterator[T]:
    """All that is read page by page, `read` taking a limit and an offset and telling the total."""
    offset, total = 0, 1
    while offset < total:
        page, total = await read(limit=_PAGE, offset=offset)
        for each in page:
            yield each
        offset += _PAGE


async def _clear(
    store: Store, embedder: Embedder, scope: Scope, turn: Turn, erased: Millis
) -> None:
    """Remove from a scope what comes from this erased turn, and from those that are not there."""
    by = None if scope == turn.scope else turn.scope.contributor
    every = [memory async for memory in all_memories(store, scope, by=by)]
    # A piece of what was said since is written before its turn, which is not there yet.
    held = [m for m in every if m.kind is not Kind.EPISODE or m.created <= erased]
    named = {s.turn for m in held for s in m.sources if s.turn} - {turn.id}
    there = await _there(store, turn.scope, named)
    gone, left = [], []
    for memory in held:
        sources = tuple(s for s in memory.sources if not s.turn or s.turn in there)
        if memory.sources and not sources:
            gone.append(memory)
        elif sources != memory.sources:  # said since the erasure as well
            less = tools.less_others(replace(memory, sources=sources), there)
            left.append(replace(less, updated=memory.updated + 1))
    await store.remove_memories(scope, gone)  # but what is stated anew just now
    await store.revise_memories(scope, await indexed(left, embedder), held)


async def _there(store: Store, scope: Scope, turns: Collection[str]) -> set[str]:
    found = [await store.get_turn(scope.project, each) for each in sorted(turns)]
    return {turn.id for turn in found if turn is not None and turn.scope == scope and turn.messages}


def _husk(turn: Turn, created: Millis) -> Turn:
    """A turn of which only the id is left, and where its memories may be."""
    return Turn(
        id=turn.id,
        scope=turn.scope,
        conversation=identifier("erased", turn.id),
        messages=(),
        created=created,
        public=turn.public,
        bases=turn.bases,
    )


def _mark_id(scope: Scope) -> str:
    return identifier(_MARK, *scope.parts)
