"""The store in a Qdrant server or cluster, shared by gateways and workers: `Store` and `Outbox`.

Over REST, which costs the client three quarters of what gRPC does: `python -m tests.bench.qdrant`.
Records are read where they are shown, and vectors never. A write that returned is applied (`wait`);
one that failed may have been applied too, and writing it again changes nothing. What was deleted
goes from the server's disk when it optimises.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

import httpx
from qdrant_client import AsyncQdrantClient, models

from gateway.adapters.bm25 import Words
from gateway.adapters.conditions import (
    Between,
    Condition,
    Equals,
    Group,
    OneOf,
    among,
    every,
    selected,
    within,
)
from gateway.adapters.hits import Isolation, best, hits
from gateway.adapters.qdrant_calls import Calls, CallTimeouts
from gateway.adapters.qdrant_collections import MOST_WRITTEN, Collections, Layout
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.qdrant_points import Points
from gateway.adapters.qdrant_search import HybridSearch, searchable
from gateway.adapters.records import (
    OWN_FIELDS,
    PARKED_FIELDS,
    PROJECT,
    TURN_FIELDS,
    USER,
    Payload,
    check_entries,
    digest,
    indexable,
    latest_said,
    latest_turn,
    memory_from,
    memory_point,
    oldest_turn,
    parked_from,
    state_payload,
    turn_from,
    turn_payload,
    turn_point,
)
from gateway.adapters.schema import MEMORIES, TURNS
from gateway.errors import StartupError, StoreError
from gateway.memory.model import Hit, Indexed, Memory, Millis, Scope, Turn, TurnState
from gateway.memory.ports import Backlog, Parked, Search, Selection
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


class QdrantStore:
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
        timeouts: CallTimeouts | None = None,
        refused: Callable[[StartupError], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._shards = layout.shards
        self._turns = Points(client, layout.name(TURNS))
        self._memories = Points(client, layout.name(MEMORIES))
        self._dimension = dimension
        self._timeouts = timeouts or CallTimeouts()
        self._words = Words()
        self._isolation = Isolation(metrics.foreign.inc)
        self._collections = Collections(client, layout, model=model, dimension=dimension)
        self._calls = Calls(self._look, metrics, refused=refused)

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

    async def put_turn(self, scope: Scope, turn: Turn) -> None:
        if turn.scope != scope:
            raise ValueError("the turn belongs to another scope")
        point = turn_point(turn.id)
        written = models.PointStruct(id=str(point), vector={}, payload=turn_payload(turn))

        async def write() -> dict[UUID, Payload]:
            # At once: where the id is taken in another scope, the filter keeps it as it is.
            _, there = await asyncio.gather(
                self._client.upsert(
                    self._turns.name,
                    [written],
                    wait=True,
                    update_filter=server_filter(within(scope)),
                ),
                self._turns.retrieve([point], (PROJECT, USER)),
            )
            return there

        there = await self._calls.within(self._timeouts.write, "write a turn", write)
        if there and not self._isolation.own(scope, there):
            raise StoreError("the turn's id is taken in another scope")

    async def get_turns(self, scope: Scope, conversation: str, limit: int) -> list[Turn]:
        there = Equals("conversation", indexable(conversation))
        return (await self._latest(scope, there, limit))[::-1]

    async def find_turn(self, scope: Scope, refs: Collection[str]) -> Turn | None:
        if not refs:
            return None
        named = OneOf("refs", tuple(digest(ref) for ref in refs))
        return next(iter(await self._latest(scope, named, 1)), None)

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
            still = defaultdict[Millis, list[UUID]](list)
            for entry in some:
                still[seen[entry.memory.id]].append(memory_point(scope, entry.memory.id))
            same = [
                every(among(points), Between("updated", gte=updated, lte=updated))
                for updated, points in still.items()
            ]
            await self._write(
                "write memories",
                some,
                models.UpdateMode.UPDATE_ONLY,
                server_filter(within(scope, Group("any", tuple(same)))),
            )
        for some in self._written(scope, new):
            await self._write("write memories", some, models.UpdateMode.INSERT_ONLY)

    async def get_memories(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        points = [memory_point(scope, each) for each in ids]

        async def read() -> list[Memory]:
            found = await self._memories.retrieve(points, OWN_FIELDS)
            own = self._isolation.own(scope, found)
            return [memory_from(own[point]) for point in points if point in own]

        return await self._reading("read memories", read)

    async def list_memories(
        self, scope: Scope, selection: Selection, *, limit: int, offset: int = 0
    ) -> tuple[list[Memory], int]:
        chosen = within(scope, *selected(selection))

        async def read() -> tuple[list[Memory], int]:
            found = await self._memories.page(
                chosen,
                by="time",
                descending=True,
                rank=latest_said,
                fields=(*OWN_FIELDS, "time", "position", "id"),
                limit=limit,
                offset=offset,
            )
            whole = not offset and len(found) < limit  # then there are no more to count
            total = len(found) if whole else await self._memories.count(chosen)
            own = self._isolation.own(scope, found)
            return [memory_from(payload) for payload in own.values()], total

        return await self._reading("list memories", read)

    async def search(self, scope: Scope, search: Search) -> list[Hit]:
        hybrid = HybridSearch(scope, search, self._words, shards=self._shards)
        if not hybrid.requests:
            return []

        async def read() -> list[Hit]:
            answers = await self._client.query_batch_points(self._memories.name, hybrid.requests)
            found, scores = hybrid.read(answers)
            own = self._isolation.own(scope, found)
            return hits({point: own[point] for point in best(search, own, scores)}, scores)

        return await self._reading("search", read)

    async def delete_memories(self, scope: Scope, ids: Sequence[str]) -> int:
        points = {memory_point(scope, each) for each in ids}
        return await self._delete(self._memories, within(scope, among(points))) if points else 0

    async def erase(self, scope: Scope) -> int:
        turns = await self._delete(self._turns, within(scope))
        return turns + await self._delete(self._memories, within(scope))

    async def load(self, turn_id: str) -> Turn | None:
        async def read() -> Turn | None:
            found = await self._turns.retrieve([turn_point(turn_id)], TURN_FIELDS)
            return next((turn_from(payload) for payload in found.values()), None)

        return await self._reading("read a turn", read)

    async def mark(
        self,
        turn_id: str,
        state: TurnState,
        *,
        attempts: int = 0,
        error: str = "",
        created: Millis | None = None,
    ) -> None:
        same = [] if created is None else [Between("created", gte=created, lte=created)]
        # By a filter, which may find nothing: a turn that is gone stays gone.
        there = server_filter(every(among([turn_point(turn_id)]), *same))
        await self._calls.within(
            self._timeouts.write,
            "mark a turn",
            lambda: self._client.set_payload(
                self._turns.name, state_payload(state, attempts, error), points=there, wait=True
            ),
        )

    async def pending(self, *, created_before: Millis, limit: int) -> list[str]:
        waiting = every(Equals("state", TurnState.PENDING), Between("created", lt=created_before))
        found = await self._oldest(waiting, ("created", "id"), limit, "read what is pending")
        return [payload["id"] for payload in found.values()]

    async def parked(self, *, limit: int) -> list[Parked]:
        found = await self._oldest(
            every(Equals("state", TurnState.PARKED)), PARKED_FIELDS, limit, "read what is parked"
        )
        return [parked_from(payload) for payload in found.values()]

    async def backlog(self) -> Backlog:
        pending = every(Equals("state", TurnState.PENDING))
        parked = every(Equals("state", TurnState.PARKED))
        first, waiting, given_up = await self._reading(
            "count what is pending",
            lambda: asyncio.gather(
                self._turns.oldest(pending, by="created"),
                self._turns.count(pending),
                self._turns.count(parked),
            ),
        )
        return Backlog(pending=waiting, parked=given_up, oldest=first)

    async def _look(self) -> None:
        async with asyncio.timeout(self._timeouts.read):
            version = await self._collections.version()
        async with asyncio.timeout(self._timeouts.layout):
            await self._collections.prepare(version)

    async def _reading(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self._calls.within(self._timeouts.read, what, call)

    async def _latest(self, scope: Scope, condition: Condition, limit: int) -> list[Turn]:
        """The latest turns of the scope that meet the condition, latest first."""

        async def read() -> list[Turn]:
            found = await self._turns.page(
                within(scope, condition),
                by="created",
                descending=True,
                rank=latest_turn,
                fields=(*TURN_FIELDS, "created", "id"),
                limit=limit,
            )
            own = self._isolation.own(scope, found)
            return [turn_from(payload) for payload in own.values()]

        return await self._reading("read turns", read)

    async def _oldest(
        self, where: Group, fields: Sequence[str], limit: int, what: str
    ) -> dict[UUID, Payload]:
        """These fields of the oldest turns of all scopes that are so."""
        return await self._reading(
            what,
            lambda: self._turns.page(
                where,
                by="created",
                descending=False,
                rank=oldest_turn,
                fields=fields,
                limit=limit,
            ),
        )

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
        points = [searchable(entry, self._words) for entry in entries]
        await self._calls.within(
            self._timeouts.write,
            what,
            lambda: self._client.upsert(
                self._memories.name,
                points,
                wait=True,
                update_mode=update_mode,
                update_filter=update_filter,
            ),
        )

    async def _delete(self, points: Points, where: Group) -> int:
        """How many there were. A great many are not deleted in one step, which would take long."""
        total = 0
        while count := await self._calls.within(
            self._timeouts.write, "delete", lambda: points.delete_some(where)
        ):
            total += count
        return total


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
