"""The registry in a Qdrant server: see `Registry`."""

from collections.abc import Sequence

from gateway.adapters.conditions import Equals, Group, among, within
from gateway.adapters.hits import Isolation
from gateway.adapters.qdrant_calls import Calls
from gateway.adapters.qdrant_points import Points
from gateway.adapters.records import (
    OWN_FIELDS,
    digest,
    entry_from,
    entry_payload,
    entry_point,
    indexable,
    latest_entry,
)
from gateway.adapters.sealing import Seal
from gateway.memory.model import Entry, Scope


class QdrantRegistry:
    """See `Registry`. Its calls are those of the store that it belongs to."""

    def __init__(self, entries: Points, calls: Calls, isolation: Isolation, seal: Seal) -> None:
        self._entries = entries
        self._calls = calls
        self._isolation = isolation
        self._seal = seal

    async def put_entry(self, scope: Scope, entry: Entry) -> None:
        point = entry_point(scope, entry.kind, entry.id)
        payload = entry_payload(scope, entry, self._seal)
        await self._calls.writing("write an entry", lambda: self._entries.put(point, payload))

    async def get_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> list[Entry]:
        points = [entry_point(scope, kind, each) for each in ids]

        async def read() -> list[Entry]:
            own = self._isolation.own(scope, await self._entries.retrieve(points, OWN_FIELDS))
            return [entry_from(own[point], self._seal) for point in points if point in own]

        return await self._calls.reading("read entries", read)

    async def list_entries(
        self, scope: Scope, kind: str, *, group: str = "", limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        there = within(scope, Equals("kind", indexable(kind)), Equals("group", digest(group)))
        return await self._listed(scope, there, limit, offset)

    async def all_entries(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        return await self._listed(scope, within(scope), limit, offset)

    async def delete_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> int:
        points = [entry_point(scope, kind, each) for each in ids]
        return await self._calls.delete(self._entries, within(scope, among(points)))

    async def erase(self, scope: Scope) -> int:
        return await self._calls.delete(self._entries, within(scope))

    async def _listed(
        self, scope: Scope, there: Group, limit: int, offset: int
    ) -> tuple[list[Entry], int]:
        async def read() -> tuple[list[Entry], int]:
            found = await self._entries.page(
                there,
                by="created",
                descending=True,
                rank=latest_entry,
                fields=(*OWN_FIELDS, "created", "id"),
                limit=limit,
                offset=offset,
            )
            total = await self._entries.count(there)
            own = self._isolation.own(scope, found)
            return [entry_from(payload, self._seal) for payload in own.values()], total

        return await self._calls.reading("list entries", read)
