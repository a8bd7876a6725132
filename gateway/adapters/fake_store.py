"""A `Store` and `Outbox` of plain dicts, for tests and trials: no file, no engine, nothing kept.

Its BM25 knows words, not their stems or stop words; everything else is as in the real ones.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from gateway.adapters.fake_registry import FakeRegistry
from gateway.errors import StoreError
from gateway.memory.filters import matches
from gateway.memory.model import (
    Hit,
    Indexed,
    Memory,
    Millis,
    Scope,
    Turn,
    TurnState,
    Vector,
)
from gateway.memory.ports import Backlog, Parked, Search, Selection

_WORD = re.compile(r"\w+")
_K, _B = 1.5, 0.75


class FakeStore:
    """See `Store` and `Outbox`."""

    def __init__(self) -> None:
        self.registry = FakeRegistry()
        self._turns: dict[str, Turn] = {}
        self._memories: dict[tuple[Scope, str], Indexed] = {}

    async def put_turn(self, scope: Scope, turn: Turn) -> None:
        if turn.scope != scope:
            raise ValueError("the turn belongs to another scope")
        if self._turns.get(turn.id, turn).scope != scope:
            raise StoreError("the turn's id is taken in another scope")
        self._turns[turn.id] = turn

    async def get_turns(self, scope: Scope, conversation: str, limit: int) -> list[Turn]:
        turns = [
            turn
            for turn in self._turns.values()
            if turn.scope == scope and turn.conversation == conversation
        ]
        turns.sort(key=lambda turn: (-turn.created, turn.id))
        return turns[:limit][::-1]

    async def find_turn(self, scope: Scope, refs: Collection[str]) -> Turn | None:
        named = [
            turn for turn in self._turns.values() if turn.scope == scope and {*turn.refs} & {*refs}
        ]
        return min(named, key=lambda turn: (-turn.created, turn.id), default=None)

    async def list_turns(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Turn], int]:
        turns = [turn for turn in self._turns.values() if turn.scope == scope]
        turns.sort(key=lambda turn: (-turn.created, turn.id))
        return turns[offset : offset + limit], len(turns)

    async def get_turn(self, project: str, turn_id: str) -> Turn | None:
        turn = self._turns.get(turn_id)
        return turn if turn is not None and turn.scope.project == project else None

    async def turn_states(self, scope: Scope, conversation: str) -> dict[TurnState, int]:
        return Counter(
            turn.state
            for turn in self._turns.values()
            if turn.scope == scope and turn.conversation == conversation
        )

    async def put_memories(self, scope: Scope, entries: Sequence[Indexed]) -> None:
        if any(entry.memory.scope != scope for entry in entries):
            raise ValueError("a memory belongs to another scope")
        self._memories |= {(scope, entry.memory.id): entry for entry in entries}

    async def revise_memories(
        self, scope: Scope, entries: Sequence[Indexed], held: Iterable[Memory]
    ) -> None:
        if any(entry.memory.scope != scope for entry in entries):
            raise ValueError("a memory belongs to another scope")
        seen = {memory.id: memory.updated for memory in held}
        for entry in entries:
            key = (scope, entry.memory.id)
            stored = self._memories.get(key)
            if (stored.memory.updated if stored else None) == seen.get(entry.memory.id):
                self._memories[key] = entry

    async def get_memories(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        found = (self._memories.get((scope, each)) for each in ids)
        return [entry.memory for entry in found if entry]

    async def find_memories(self, project: str, ids: Sequence[str]) -> list[Memory]:
        there = [e.memory for (s, _), e in self._memories.items() if s.project == project]
        return [memory for each in dict.fromkeys(ids) for memory in there if memory.id == each]

    async def list_memories(
        self, scope: Scope, selection: Selection, *, limit: int, offset: int = 0
    ) -> tuple[list[Memory], int]:
        chosen = [entry.memory for entry in self._selected(scope, selection)]
        chosen.sort(key=lambda memory: (-memory.time, -memory.position, memory.id))
        return chosen[offset : offset + limit], len(chosen)

    async def search(self, scope: Scope, search: Search) -> list[Hit]:
        entries = {entry.memory.id: entry for entry in self._selected(scope, search.selection)}
        dense: dict[str, float] = {}
        if search.vector is not None:
            dense = {
                key: _cosine(search.vector, entry.vector)
                for key, entry in entries.items()
                if entry.vector is not None
            }
        lexical = self._bm25(scope, search.words)
        found = {key for arm in (dense, lexical) for key in _best(arm, search.limit, entries)}
        if search.merit is not None:
            merits = {key: search.merit(dense.get(key), lexical.get(key)) for key in found}
            found = set(_best(merits, search.limit, entries))
        return [
            Hit(memory=entries[key].memory, dense=dense.get(key), lexical=lexical.get(key))
            for key in found
        ]

    async def delete_memories(self, scope: Scope, ids: Sequence[str]) -> int:
        return sum(self._memories.pop((scope, each), None) is not None for each in ids)

    async def remove_memories(self, scope: Scope, held: Sequence[Memory]) -> None:
        for memory in held:
            stored = self._memories.get((scope, memory.id))
            if stored is not None and stored.memory.updated == memory.updated:
                del self._memories[scope, memory.id]

    async def delete_conversation(self, scope: Scope, conversation: str) -> int:
        return self._keep(
            lambda turn: (turn.scope, turn.conversation) != (scope, conversation),
            lambda memory: (memory.scope, memory.conversation) != (scope, conversation),
        )

    async def erase(self, scope: Scope) -> int:
        def of_others(memory: Memory) -> bool:
            contributed = memory.contributor == scope.contributor
            return memory.scope != scope and not (
                contributed and memory.scope.project == scope.project
            )

        return self._keep(lambda turn: turn.scope != scope, of_others)

    async def load(self, turn_id: str) -> Turn | None:
        return self._turns.get(turn_id)

    async def mark(
        self,
        turn_id: str,
        state: TurnState,
        *,
        attempts: int = 0,
        error: str = "",
        created: Millis | None = None,
    ) -> None:
        turn = self._turns.get(turn_id)
        if turn is not None and created in {None, turn.created}:
            self._turns[turn_id] = replace(turn, state=state, attempts=attempts, error=error)

    async def pending(self, *, created_before: Millis, limit: int) -> list[str]:
        turns = [
            (turn.created, turn.id)
            for turn in self._turns.values()
            if turn.state is TurnState.PENDING and turn.created < created_before
        ]
        return [key for _, key in sorted(turns)[:limit]]

    async def parked(self, *, limit: int) -> list[Parked]:
        turns = [turn for turn in self._turns.values() if turn.state is TurnState.PARKED]
        turns.sort(key=lambda turn: (turn.created, turn.id))
        return [
            Parked(id=turn.id, created=turn.created, attempts=turn.attempts, error=turn.error)
            for turn in turns[:limit]
        ]

    async def backlog(self) -> Backlog:
        states = [turn.state for turn in self._turns.values()]
        pending = [t.created for t in self._turns.values() if t.state is TurnState.PENDING]
        return Backlog(
            pending=len(pending),
            parked=states.count(TurnState.PARKED),
            oldest=min(pending, default=None),
        )

    def _keep(self, turns: Callable[[Turn], bool], memories: Callable[[Memory], bool]) -> int:
        """Remove all others; how many there were."""
        before = len(self._turns) + len(self._memories)
        self._turns = {key: turn for key, turn in self._turns.items() if turns(turn)}
        self._memories = {k: e for k, e in self._memories.items() if memories(e.memory)}
        return before - len(self._turns) - len(self._memories)

    def _selected(self, scope: Scope, selection: Selection) -> list[Indexed]:
        if not selection.kinds or not selection.statuses:
            raise ValueError("a selection needs at least one kind and one status")
        return [
            entry
            for (owner, _), entry in self._memories.items()
            if owner == scope
            and (memory := entry.memory).kind in selection.kinds
            and memory.status in selection.statuses
            and selection.attribute in {None, memory.attribute}
            and selection.instruction in {None, memory.instruction}
            and selection.by in {None, memory.contributor}
            and (selection.not_by is None or memory.contributor != selection.not_by)
            and selection.turn in {None, *(source.turn for source in memory.sources)}
            and (selection.where is None or matches(selection.where, memory))
        ]

    def _bm25(self, scope: Scope, query: str) -> dict[str, float]:
        """The scores of all memories of the scope that share a word with the query."""
        corpus = {
            key: Counter(_WORD.findall(entry.words.lower()))
            for (owner, key), entry in self._memories.items()
            if owner == scope
        }
        average = sum(words.total() for words in corpus.values()) / max(len(corpus), 1)
        scores: defaultdict[str, float] = defaultdict(float)
        for word in set(_WORD.findall(query.lower())):
            holders = [key for key, words in corpus.items() if word in words]
            rarity = math.log(1 + (len(corpus) - len(holders) + 0.5) / (len(holders) + 0.5))
            for key in holders:
                count, length = corpus[key][word], corpus[key].total() / average
                scores[key] += rarity * count * (_K + 1) / (count + _K * (1 - _B + _B * length))
        return scores


def _best(scores: Mapping[str, float], limit: int, among: Mapping[str, Indexed]) -> list[str]:
    return sorted(scores.keys() & among.keys(), key=lambda key: -scores[key])[:limit]


def _cosine(one: Vector, other: Vector) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other) or 1.0)
