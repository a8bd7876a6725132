"""The registry of the embedded store: see `Registry`."""

from collections.abc import Sequence

from gateway.adapters.conditions import Equals, Group, among, within
from gateway.adapters.edge_filters import edge_filter
from gateway.adapters.edge_shard import Shard, reported
from gateway.adapters.hits import Isolation
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


class EdgeRegistry:
    """See `Registry`. Opened and closed with the store that it belongs to."""

    def __init__(self, entries: Shard, isolation: Isolation, seal: Seal) -> None:
        self._entries = entries
        self._isolation = isolation
        self._seal = seal

    async def put_entry(self, scope: Scope, entry: Entry) -> None:
        point = entry_point(scope, entry.kind, entry.id)
        with reported("write an entry"):
            self._entries.put([(point, {}, entry_payload(scope, entry, self._seal))])

    async def get_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> list[Entry]:
        points = [entry_point(scope, kind, each) for each in ids]
        with reported("read entries"):
            found = self._isolation.own(scope, self._entries.retrieve(points, OWN_FIELDS))
        return [entry_from(found[point], self._seal) for point in points if point in found]

    async def list_entries(
        self, scope: Scope, kind: str, *, group: str = "", limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        there = within(scope, Equals("kind", indexable(kind)), Equals("group", digest(group)))
        return self._listed(scope, there, limit, offset)

    async def all_entries(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        return self._listed(scope, within(scope), limit, offset)

    async def delete_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> int:
        points = [entry_point(scope, kind, each) for each in ids]
        with reported("delete entries"):
            return await self._entries.delete_all(edge_filter(within(scope, among(points))))

    async def erase(self, scope: Scope) -> int:
        with reported("erase entries"):
            return await self._entries.delete_all(edge_filter(within(scope)))

    def _listed(
        self, scope: Scope, there: Group, limit: int, offset: int
    ) -> tuple[list[Entry], int]:
        with reported("list entries"):
            chosen = edge_filter(there)
            points = self._entries.page(
                chosen,
                by="created",
                descending=True,
                rank=latest_entry,
                fields=("created", "id"),
                limit=limit,
                offset=offset,
            )
            found = self._isolation.own(scope, self._entries.retrieve(points, OWN_FIELDS))
            total = self._entries.count(chosen)
        return [entry_from(found[point], self._seal) for point in points if point in found], total
