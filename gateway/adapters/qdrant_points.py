"""One collection of a Qdrant server, as the store reads it. Errors come out as the client's."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final
from uuid import UUID

from qdrant_client import AsyncQdrantClient, models

from gateway.adapters.conditions import Between, Group, every
from gateway.adapters.qdrant_collections import MOST_READ
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.records import RECORD, Payload

_DELETED_AT_ONCE: Final = 1000


class Points:
    """The points of the collection of this name."""

    def __init__(self, client: AsyncQdrantClient, name: str) -> None:
        self.name = name
        self._client = client

    async def page(
        self,
        where: Group,
        *,
        by: str,
        descending: bool,
        rank: Callable[[Payload], Any],
        fields: Sequence[str],
        limit: int,
        offset: int = 0,
    ) -> dict[UUID, Payload]:
        """A page of points ordered by the integer field `by`, and among equals by `rank`.

        The server leaves equals in any order. Where the page's edges fall between two that differ,
        it is ordered here; else all that equal its first or last are read as well.
        """
        if limit < 1:
            return {}
        limit = min(limit, MOST_READ - 1)
        direction = models.Direction.DESC if descending else models.Direction.ASC
        window = await self._ordered(where, by, direction, fields, limit=limit + 1, offset=offset)
        if not offset and (
            len(window) <= limit or window[limit][1][by] != window[limit - 1][1][by]
        ):
            return dict(sorted(window[:limit], key=lambda each: rank(each[1])))
        if not window:
            return {}
        low, high = sorted((window[0][1][by], window[:limit][-1][1][by]))
        equals = await self.matching(
            every(where, Between(by, gte=low, lte=high)),
            [field for field in fields if field != RECORD],
        )
        before = 0
        if offset:
            earlier = Between(by, gt=high) if descending else Between(by, lt=low)
            before = await self.count(every(where, earlier))
        ranked = sorted(equals, key=lambda point: rank(equals[point]))[offset - before :][:limit]
        read = await self.retrieve(ranked, fields) if RECORD in fields else equals
        return {point: read[point] for point in ranked if point in read}

    async def _ordered(
        self,
        where: Group,
        by: str,
        direction: models.Direction,
        fields: Sequence[str],
        *,
        limit: int,
        offset: int = 0,
    ) -> list[tuple[UUID, Payload]]:
        answer = await self._client.query_points(
            self.name,
            query=models.OrderByQuery(order_by=models.OrderBy(key=by, direction=direction)),
            query_filter=server_filter(where),
            limit=limit,
            offset=offset or None,
            with_payload=list(fields),
        )
        return [(UUID(str(point.id)), point.payload or {}) for point in answer.points]

    async def matching(self, where: Group, fields: Sequence[str]) -> dict[UUID, Payload]:
        """These fields of all the points."""
        found: dict[UUID, Payload] = {}
        start = None
        while True:
            records, start = await self._client.scroll(
                self.name,
                scroll_filter=server_filter(where),
                limit=MOST_READ,
                offset=start,
                with_payload=list(fields),
                with_vectors=False,
            )
            found |= {UUID(str(record.id)): record.payload or {} for record in records}
            if start is None:
                return found

    async def retrieve(
        self, points: Collection[UUID], fields: Sequence[str]
    ) -> dict[UUID, Payload]:
        """These fields of those of the points that exist."""
        if not points:
            return {}
        records = await self._client.retrieve(
            self.name,
            list({str(point) for point in points}),
            with_payload=list(fields),
            with_vectors=False,
        )
        return {UUID(str(record.id)): record.payload or {} for record in records}

    async def put(self, point: UUID, payload: Payload) -> None:
        """Write a point that has no vectors."""
        written = models.PointStruct(id=str(point), vector={}, payload=payload)
        await self._client.upsert(self.name, [written], wait=True)

    async def count(self, where: Group) -> int:
        answer = await self._client.count(self.name, count_filter=server_filter(where), exact=True)
        return answer.count

    async def oldest(self, where: Group, *, by: str) -> int | None:
        """The least value of the integer field `by` among these points; None without any."""
        first = await self._ordered(where, by, models.Direction.ASC, [by], limit=1)
        return first[0][1][by] if first else None

    async def remove(self, where: Group) -> None:
        """Delete these points, each as it is found: few, for it is one step."""
        chosen = models.FilterSelector(filter=server_filter(where))
        await self._client.delete(self.name, chosen, wait=True)

    async def delete_some(self, where: Group) -> int:
        """Delete at most a thousand of these points; how many it were."""
        records, _ = await self._client.scroll(
            self.name,
            scroll_filter=server_filter(where),
            limit=_DELETED_AT_ONCE,
            with_payload=False,
            with_vectors=False,
        )
        if records:
            ids = [record.id for record in records]
            await self._client.delete(self.name, models.PointIdsList(points=ids), wait=True)
        return len(records)
