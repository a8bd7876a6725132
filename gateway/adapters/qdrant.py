"""The store in a Qdrant server or cluster, shared by gateways and workers: `Store` and `Outbox`.

Over REST, which costs the client three quarters of what gRPC does: `python -m tests.bench.qdrant`.
Records are read where they are shown, and vectors never. A write that returned is applied (`wait`);
one that failed may have been applied too, and writing it again changes nothing. What was deleted
goes from the server's disk when it optimises.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models

from gateway.adapters.bm25 import Words
from gateway.adapters.conditions import (
    Between,
    Equals,
    Group,
    OneOf,
    among,
    chosen,
    every,
    everything_of,
    held_in,
    in_project,
    within,
)
from gateway.adapters.hits import Isolation, best, hits
from gateway.adapters.qdrant_calls import Calls, CallTimeouts
from gateway.adapters.qdrant_collections import MOST_WRITTEN, Collections, Layout
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.qdrant_points import Points
from gateway.adapters.qdrant_registry import QdrantRegistry
from gateway.adapters.qdrant_search import HybridSearch, searchable
from gateway.adapters.qdrant_turns import QdrantTurns
from gateway.adapters.records import (
    OWN_FIELDS,
    PROJECT,
    check_entries,
    indexable,
    latest_said,
    memory_from,
    memory_point,
)
from gateway.adapters.schema import MEMORIES, REGISTRY, TURNS
from gateway.adapters.sealing import PLAIN, Seal
from gateway.errors import StartupError
from gateway.memory.model import Hit, Indexed, Memory, Millis, Scope
from gateway.memory.ports import Search, Selection
from gateway.metrics import Metrics

T = TypeVar("T")

_CONNECTIONS: Final = 64
_CLIENT_TIMEOUT: Final = 60  # whole seconds, and only a last resort: each call has its own
_WRITTEN_AT_ONCE: Final = 2 * 2**20  # characters of memories; a server takes 32 MB


def server_client(url: str, api_key: str = "") -> AsyncQdrantClient:
    """A client of the server at `url`; nothing is sent yet."""
    return AsyncQdrantClient(
        url=url,
        # As a header, for of a key over plain http the client warns, inside a cluster too.
        headers={"api-key": api_key} if api_key else None,
        timeout=_CLIENT_TIMEOUT,
        check_compatibility=False,  # it would only warn; `Collections` refuses
        # Without these the client keeps no connection to this machine open.
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        trust_env=False,
    )


class QdrantStore(QdrantTurns):
    """See `Store` and `Outbox`. `start` it once before use.

    `refused` is told why, when it is found only later that the server is not fit to be used.
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        layout: Layout,
        *,
        model: str,
        dimension: int,
        metrics: Metrics,
        seal: Seal = PLAIN,
        timeouts: CallTimeouts | None = None,
        refused: Callable[[StartupError], None] = lambda _: None,
    ) -> None:
        calls = Calls(self._look, metrics, timeouts or CallTimeouts(), refused=refused)
        isolation = Isolation(metrics.foreign.inc)
        super().__init__(client, Points(client, layout.name(TURNS)), calls, isolation, seal)
        entries = Points(client, layout.name(REGISTRY))
        self.registry = QdrantRegistry(entries, calls, isolation, seal)
        self._shards = layout.shards
        self._memories = Points(client, layout.name(MEMORIES))
        self._dimension = dimension
        self._words = Words()
        self._collections = Collections(client, layout, model=model, dimension=dimension, seal=seal)

    @property
    def down(self) -> str:
        """Why the server is not to be had, in one word; empty when it is."""
        return self._calls.down

    async def start(self) -> None:
        """Make the collections and check the model; a server that is absent is waited for later.

        Raises ModelMismatchError, StartupError.
        """
        await self._calls.start()

    async def aclose(self) -> None:
        await self._calls.aclose()
        await self._client.close()

    async def put_memories(self, scope: Scope, entries: Sequence[Indexed]) -> None:
        for some in self._written(scope, entries):
            await self._write("write memories", some)

    async def revise_memories(
        self, scope: Scope, entries: Sequence[Indexed], held: Iterable[Memory]
    ) -> None:
        seen = {memory.id: memory.updated for memory in held}
        known = [entry for entry in entries if entry.memory.id in seen]
        new = [entry for entry in entries if entry.memory.id not in seen]
        for some in self._written(scope, known):
            still = unchanged(scope, [(e.memory.id, seen[e.memory.id]) for e in some])
            await self._write(
                "write memories", some, models.UpdateMode.UPDATE_ONLY, server_filter(still)
            )
        for some in self._written(scope, new):
            await self._write("write memories", some, models.UpdateMode.INSERT_ONLY)

    async def get_memories(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        points = [memory_point(scope, each) for each in ids]

        async def read() -> list[Memory]:
            found = await self._memories.retrieve(points, OWN_FIELDS)
            own = self._isolation.own(scope, found)
            return [memory_from(own[point], self._seal) for point in points if point in own]

        return await self._calls.reading("read memories", read)

    async def find_memories(self, project: str, ids: Sequence[str]) -> list[Memory]:
        there = in_project(project, OneOf("id", tuple(ids)))

        async def read() -> list[Memory]:
            found = await self._memories.matching(there, (*OWN_FIELDS, "id"))
            known = [p for p in found.values() if p.get(PROJECT) == project]
            return [
                memory_from(payload, self._seal)
                for each in dict.fromkeys(ids)
                for payload in known
                if payload["id"] == each
            ]

        return await self._calls.reading("find memories", read)

    async def list_memories(
        self, scope: Scope, selection: Selection, *, limit: int, offset: int = 0
    ) -> tuple[list[Memory], int]:
        there = chosen(scope, selection)

        async def read() -> tuple[list[Memory], int]:
            found = await self._memories.page(
                there,
                by="time",
                descending=True,
                rank=latest_said,
                fields=(*OWN_FIELDS, "time", "position", "id"),
                limit=limit,
                offset=offset,
            )
            whole = not offset and len(found) < limit  # then there are no more to count
            total = len(found) if whole else await self._memories.count(there)
            own = self._isolation.own(scope, found)
            return [memory_from(payload, self._seal) for payload in own.values()], total

        return await self._calls.reading("list memories", read)

    async def search(self, scope: Scope, search: Search) -> list[Hit]:
        hybrid = HybridSearch(scope, search, self._words, shards=self._shards)
        if not hybrid.requests:
            return []

        async def read() -> list[Hit]:
            answers = await self._client.query_batch_points(self._memories.name, hybrid.requests)
            found, scores = hybrid.read(answers)
            own = self._isolation.own(scope, found)
            shown = {point: own[point] for point in best(search, own, scores)}
            return hits(shown, scores, self._seal)

        return await self._calls.reading("search", read)

    async def delete_memories(self, scope: Scope, ids: Sequence[str]) -> int:
        points = {memory_point(scope, each) for each in ids}
        return (
            await self._calls.delete(self._memories, within(scope, among(points))) if points else 0
        )

    async def remove_memories(self, scope: Scope, held: Sequence[Memory]) -> None:
        for start in range(0, len(held), MOST_WRITTEN):
            some = held[start : start + MOST_WRITTEN]
            still = unchanged(scope, [(memory.id, memory.updated) for memory in some])
            await self._calls.writing("delete", partial(self._memories.remove, still))

    async def delete_conversation(self, scope: Scope, conversation: str) -> int:
        there = within(scope, Equals("conversation", indexable(conversation)))
        turns = await self._calls.delete(self._turns, there)
        held = within(scope, held_in(conversation))
        return turns + await self._calls.delete(self._memories, held)

    async def erase(self, scope: Scope) -> int:
        turns = await self._calls.delete(self._turns, within(scope))
        return turns + await self._calls.delete(self._memories, everything_of(scope))

    async def _look(self) -> None:
        async with asyncio.timeout(self._calls.timeouts.read):
            version = await self._collections.version()
        async with asyncio.timeout(self._calls.timeouts.layout):
            await self._collections.prepare(version)

    def _written(self, scope: Scope, entries: Sequence[Indexed]) -> Iterator[list[Indexed]]:
        """The entries, in parts that are written at once; none, when one of them is not right."""
        check_entries(scope, entries, self._dimension)
        return _parts(entries)

    async def _write(
        self,
        what: str,
        entries: Sequence[Indexed],
        update_mode: models.UpdateMode | None = None,
        update_filter: models.Filter | None = None,
    ) -> None:
        points = [searchable(entry, self._words, self._seal) for entry in entries]
        await self._calls.writing(
            what,
            lambda: self._client.upsert(
                self._memories.name,
                points,
                wait=True,
                update_mode=update_mode,
                update_filter=update_filter,
            ),
        )


def unchanged(scope: Scope, seen: Iterable[tuple[str, Millis]]) -> Group:
    """Of memories, each with when it was changed last, those that were not changed since."""
    still = defaultdict[Millis, list[UUID]](list)
    for memory_id, updated in seen:
        still[updated].append(memory_point(scope, memory_id))
    same = (
        every(among(points), Between("updated", gte=updated, lte=updated))
        for updated, points in still.items()
    )
    return within(scope, Group("any", tuple(same)))


def _parts(entries: Sequence[Indexed]) -> Iterator[list[Indexed]]:
    """As many at once as the server takes, and not too many characters of them."""
    part: list[Indexed] = []
    size = 0
    for entry in entries:
        memory = entry.memory
        more = len(memory.text) + sum(len(source.content) for source in memory.sources)
        if part and (len(part) == MOST_WRITTEN or size + more > _WRITTEN_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(entry)
        size += more
    if part:
        yield part
