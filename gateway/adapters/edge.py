"""The store in the process itself: Qdrant Edge in a data folder, as `Store` and as `Outbox`.

Edge holds the GIL for as long as a call lasts, whichever thread makes it, so calls are made on the
event loop and kept short; every search is exact within its scope. A write that returned survives
the death of the process; what a power cut costs is up to the operating system. What was deleted is
out of reach at once, but stays in the files until `compact`, and in the write-ahead log until that
has moved on by some 32 MB.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from qdrant_edge import IdfParams, Query, QueryRequest, SearchParams

from gateway.adapters.bm25 import Words
from gateway.adapters.conditions import (
    Equals,
    Group,
    OneOf,
    among,
    chosen,
    everything_of,
    held_in,
    in_project,
    within,
)
from gateway.adapters.edge_filters import edge_filter
from gateway.adapters.edge_folder import DataFolder, open_folder
from gateway.adapters.edge_registry import EdgeRegistry
from gateway.adapters.edge_shard import reported
from gateway.adapters.edge_turns import EdgeTurns
from gateway.adapters.hits import Isolation, Scores, best, hits
from gateway.adapters.records import (
    OWN_FIELDS,
    WHOSE_FIELDS,
    Payload,
    check_entries,
    indexable,
    latest_said,
    memory_from,
    memory_payload,
    memory_point,
    scope_from,
)
from gateway.adapters.schema import DENSE, LEXICAL
from gateway.adapters.sealing import PLAIN, Seal
from gateway.memory.model import Hit, Indexed, Memory, Scope
from gateway.memory.ports import Search, Selection

if TYPE_CHECKING:
    from qdrant_edge import NamedVector  # in the stubs alone

_WRITTEN_AT_ONCE: Final = 64  # memories: about 10 ms, then others have their turn


class EdgeStore(EdgeTurns):
    """See `Store` and `Outbox`. Made by `open`; one process at a time has a data folder."""

    def __init__(
        self,
        folder: DataFolder,
        *,
        dimension: int,
        words: Words,
        isolation: Isolation,
        seal: Seal,
    ) -> None:
        super().__init__(folder.turns, isolation, seal)
        self.registry = EdgeRegistry(folder.registry, isolation, seal)
        self._folder = folder
        self._memories = folder.memories
        self._dimension = dimension
        self._words = words

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        model: str,
        dimension: int,
        seal: Seal = PLAIN,
        progress: Callable[[str], None] = lambda _: None,
        foreign: Callable[[], None] = lambda: None,
    ) -> Self:
        """Open the store in `folder`, or make it; an interrupted making is taken up again.

        `model` and `dimension` are those of the embeddings. `progress` is given a line about what
        took long, `foreign` is told of each point of another scope that was found and dropped;
        `seal` is what records are sealed and opened with.
        Raises DataFolderInUseError, ModelMismatchError, StartupError.
        """
        opened = open_folder(folder, model=model, dimension=dimension, seal=seal)
        opened.seal(seal)
        if opened.compact_if_it_pays():
            progress("the store was compacted, for most of it had been deleted")
        return cls(
            opened,
            dimension=dimension,
            words=Words(),
            isolation=Isolation(foreign),
            seal=seal,
        )

    def compact(self) -> None:
        """Rewrite the files without what was deleted. Blocks; never while serving."""
        self._folder.compact()

    def close(self) -> None:
        """Flush and release the folder; the store is of no use afterwards."""
        self._folder.close()

    async def put_memories(self, scope: Scope, entries: Sequence[Indexed]) -> None:
        for some in self._written(scope, entries):
            with reported("write memories"):
                self._memories.put(self._point(entry) for entry in some)
            await asyncio.sleep(0)

    async def revise_memories(
        self, scope: Scope, entries: Sequence[Indexed], held: Iterable[Memory]
    ) -> None:
        seen = {memory_point(scope, memory.id): memory.updated for memory in held}
        for some in self._written(scope, entries):
            with reported("write memories"):  # all of it before anybody else has their turn
                points = {memory_point(scope, entry.memory.id): entry for entry in some}
                there = self._memories.retrieve(points, ("updated",))
                same = [
                    entry
                    for point, entry in points.items()
                    if there.get(point, {}).get("updated") == seen.get(point)
                ]
                if same:
                    self._memories.put(self._point(entry) for entry in same)
            await asyncio.sleep(0)

    async def get_memories(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        with reported("read memories"):
            return self._read(scope, [memory_point(scope, each) for each in ids])

    async def find_memories(self, project: str, ids: Sequence[str]) -> list[Memory]:
        there = in_project(project, OneOf("id", tuple(ids)))
        with reported("find memories"):
            found = self._memories.matching(edge_filter(there), (*WHOSE_FIELDS, "id"))
            scopes: dict[str, list[Scope]] = {}
            for payload in found.values():
                scopes.setdefault(payload["id"], []).append(scope_from(payload))
            return [
                memory
                for each in dict.fromkeys(ids)
                for scope in scopes.get(each, ())
                for memory in self._read(scope, [memory_point(scope, each)])
            ]

    async def list_memories(
        self, scope: Scope, selection: Selection, *, limit: int, offset: int = 0
    ) -> tuple[list[Memory], int]:
        there = edge_filter(chosen(scope, selection))
        with reported("list memories"):
            points = self._memories.page(
                there,
                by="time",
                descending=True,
                rank=latest_said,
                fields=("time", "position", "id"),
                limit=limit,
                offset=offset,
            )
            whole = not offset and len(points) < limit  # then there are no more to count
            total = len(points) if whole else self._memories.count(there)
            return self._read(scope, points), total

    async def search(self, scope: Scope, search: Search) -> list[Hit]:
        there = chosen(scope, search.selection)
        with reported("search"):
            queries = {}
            if search.vector is not None:
                queries[DENSE] = Query.Nearest(list(search.vector), DENSE)
            if words := self._words.question(search.words):
                queries[LEXICAL] = Query.Nearest(words, LEXICAL)
            scores = self._scores(scope, queries, dict.fromkeys(queries, there), search.limit)
            found = set[UUID]().union(*scores.values())
            # What one arm found has a score in the other too: it takes 0.2 ms, and fusion is better
            # for it.
            missing = {arm: found - scores[arm].keys() for arm in queries}
            rest = {arm: within(scope, among(m)) for arm, m in missing.items() if m}
            for arm, more in self._scores(scope, queries, rest, len(found)).items():
                scores[arm] |= more
            read = self._memories.retrieve(best(search, found, scores), OWN_FIELDS)
            return hits(self._isolation.own(scope, read), scores, self._seal)

    async def delete_memories(self, scope: Scope, ids: Sequence[str]) -> int:
        with reported("delete memories"):
            points = {memory_point(scope, each) for each in ids}
            return await self._memories.delete_all(edge_filter(within(scope, among(points))))

    async def remove_memories(self, scope: Scope, held: Sequence[Memory]) -> None:
        seen = {memory_point(scope, memory.id): memory.updated for memory in held}
        with reported("delete memories"):  # all of it before anybody else has their turn
            there = self._memories.retrieve(seen, ("updated",))
            same = [p for p, found in there.items() if found.get("updated") == seen[p]]
            if same:
                self._memories.remove(same)

    async def delete_conversation(self, scope: Scope, conversation: str) -> int:
        with reported("delete a conversation"):
            turns = within(scope, Equals("conversation", indexable(conversation)))
            memories = within(scope, held_in(conversation))
            gone = await self._turns.delete_all(edge_filter(turns))
            return gone + await self._memories.delete_all(edge_filter(memories))

    async def erase(self, scope: Scope) -> int:
        with reported("erase"):
            turns = await self._turns.delete_all(edge_filter(within(scope)))
            return turns + await self._memories.delete_all(edge_filter(everything_of(scope)))

    def _written(self, scope: Scope, entries: Sequence[Indexed]) -> Iterator[Sequence[Indexed]]:
        """The entries, in parts that are written at once; none, when one of them is not right."""
        check_entries(scope, entries, self._dimension)
        for start in range(0, len(entries), _WRITTEN_AT_ONCE):
            yield entries[start : start + _WRITTEN_AT_ONCE]

    def _point(self, entry: Indexed) -> tuple[UUID, dict[str, "NamedVector"], Payload]:
        vectors: dict[str, NamedVector] = {}
        if entry.vector is not None:
            vectors[DENSE] = list(entry.vector)
        if words := self._words.document(entry.words):
            vectors[LEXICAL] = words
        memory = entry.memory
        return memory_point(memory.scope, memory.id), vectors, memory_payload(memory, self._seal)

    def _read(self, scope: Scope, points: Sequence[UUID]) -> list[Memory]:
        found = self._isolation.own(scope, self._memories.retrieve(points, OWN_FIELDS))
        return [memory_from(found[point], self._seal) for point in points if point in found]

    def _scores(
        self, scope: Scope, queries: Mapping[str, Query], where: Mapping[str, Group], limit: int
    ) -> dict[str, Scores]:
        """The best points of each arm in `where`, with their scores."""
        params = {
            DENSE: SearchParams(exact=True),
            LEXICAL: SearchParams(idf=IdfParams(corpus=edge_filter(within(scope)))),
        }
        results = self._memories.query(
            [
                QueryRequest(
                    query=queries[arm],
                    filter=edge_filter(asked),
                    limit=limit,
                    params=params[arm],
                )
                for arm, asked in where.items()
            ]
        )
        return dict(zip(where, results, strict=True))
