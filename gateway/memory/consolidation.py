"""Consolidation: what a turn states, and what came of its tools, becomes part of what is known.

The rules are pure, in `reconciliation` and `tools`. Here is what they are given to read, and what
they decide is written. Doing it again changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from gateway.memory import paraphrase, tools
from gateway.memory.known import known_of, members, revise
from gateway.memory.model import Candidate, Labels, Memory, Millis, Scope, Turn, now
from gateway.memory.ports import Embedder, Store
from gateway.memory.proposals.refining import unspoken
from gateway.memory.reconciliation import identity, reconcile, slots
from gateway.memory.sharing import shared_turns, stated_copies
from gateway.memory.tool_calls import shown


class Consolidator:
    """Consolidates into one store. Every method raises StoreError and EmbeddingError.

    A process needs but one: turns of one user wait for each other here, and so need not find out
    from the store that they are in each other's way.
    """

    def __init__(
        self, store: Store, embedder: Embedder, *, clock: Callable[[], Millis] = now
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._locks: WeakValueDictionary[Scope, asyncio.Lock] = WeakValueDictionary()

    async def state(self, scope: Scope, candidates: Sequence[Candidate], labels: Labels) -> None:
        """Add what is stated to what is known, or bring what is known up to date."""

        async def read() -> Sequence[Memory]:
            return await known_of(self._store, scope, candidates)

        async def change(known: Sequence[Memory]) -> list[Memory]:
            spoken = unspoken(candidates, known)
            operations = reconcile(
                spoken,
                known,
                scope=scope,
                labels=labels,
                now=self._clock(),
                said_again=await self._said_again(scope, spoken, known),
            )
            return [operation.memory for operation in operations]

        if candidates:
            await self._revise(scope, read, change)

    async def stated(self, turn: Turn, candidates: Sequence[Candidate]) -> None:
        """Add what a turn states to what is known, also where its user shares it."""
        await self.state(turn.scope, candidates, turn.labels)
        if candidates:
            for copy in shared_turns(turn):
                await self._share(turn, copy, candidates)

    async def used(self, turn: Turn, learned: Sequence[tools.Lesson] = ()) -> None:
        """Add what came of the tools that the turn used to what is known of them."""
        used = shown(turn)

        async def read() -> Sequence[Memory]:
            return await self._store.get_memories(turn.scope, tools.ids(turn.scope, used.tools))

        async def change(known: Sequence[Memory]) -> list[Memory]:
            return tools.revised(
                used, learned, known, turn=turn, scope=turn.scope, now=self._clock()
            )

        if used.tools:
            await self._revise(turn.scope, read, change)

    async def _share(self, turn: Turn, copy: Turn, candidates: Sequence[Candidate]) -> None:
        """Add what the turn states to what its user has shared with the scope of the copy."""
        own = await known_of(self._store, turn.scope, candidates)
        said_again = await self._said_again(turn.scope, candidates, own)
        copies = stated_copies(candidates, own, said_again, turn.scope)
        contributor = turn.scope.contributor

        async def read() -> Sequence[Memory]:
            # By their ids too: what was deleted for good there has no slot any more.
            there = await members(
                self._store, copy.scope, slots(copies), copies.values(), by=contributor
            )
            return list(there.values())

        async def change(known: Sequence[Memory]) -> list[Memory]:
            operations = reconcile(
                list(copies),
                known,
                scope=copy.scope,
                labels=copy.labels,
                now=self._clock(),
                said_again=copies,
                contributor=contributor,
            )
            return [operation.memory for operation in operations]

        if copies:
            await self._revise(copy.scope, read, change)

    async def _revise(
        self,
        scope: Scope,
        read: Callable[[], Awaitable[Sequence[Memory]]],
        change: Callable[[Sequence[Memory]], Awaitable[list[Memory]]],
    ) -> None:
        async with self._locks.setdefault(scope, asyncio.Lock()):
            await revise(self._store, self._embedder, scope, read, change)

    async def _said_again(
        self, scope: Scope, candidates: Sequence[Candidate], known: Sequence[Memory]
    ) -> dict[Candidate, str]:
        """Of candidates that say what is known in other words, the id of that memory."""
        held = {memory.id for memory in known}
        pairs = [
            (candidate, memory)
            for candidate in candidates
            if identity(candidate, scope) not in held
            for memory in paraphrase.comparable(candidate, known)
        ]
        texts = [text for candidate, memory in pairs for text in (candidate.text, memory.text)]
        vectors = await self._embedder.embed_documents(texts) if texts else []
        found: dict[Candidate, str] = {}
        for (candidate, memory), one, other in zip(pairs, vectors[::2], vectors[1::2], strict=True):
            if paraphrase.same(one, other):
                found.setdefault(candidate, memory.id)
        return found
