"""One folder of points in Qdrant Edge: locked, flushed now and then, and ordered when asked.

Nothing is ever indexed for approximate search. A call blocks the whole process while it lasts, for
Edge holds the GIL. Errors come out as the engine raises them, but for those of opening.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    Direction,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    Memory,
    OrderBy,
    Point,
    QueryBatchRequest,
    QueryRequest,
    RangeFloat,
    Record,
    ScoredPoint,
    ScrollRequest,
    UpdateOperation,
)

from gateway.adapters.records import RECORD, Payload
from gateway.errors import DataFolderInUseError, StartupError, StoreError

if TYPE_CHECKING:
    from qdrant_edge import NamedVector, PayloadSchemaParams  # in the stubs alone

# Without a flush the write-ahead log grows for ever, and a start after a kill replays all of it, in
# 0.9 s for the 10,000 memories of so many bytes, which is one file of the log. A flush of as many
# takes 0.1 s, more on a slow disk, and nothing else runs meanwhile: so not more often than that.
FLUSH_AFTER: Final = 32 * 2**20

_NEVER: Final = 10**9  # kB of vectors that a segment may have without an approximate index
_SERVING: Final = EdgeOptimizersConfig(
    indexing_threshold=_NEVER, deleted_threshold=0.5, vacuum_min_vector_number=1000
)
_PURGING: Final = EdgeOptimizersConfig(
    indexing_threshold=_NEVER, deleted_threshold=1e-9, vacuum_min_vector_number=1
)
_VECTORS: Final = 2000  # bytes of a point in the log beside its record
_DELETED_AT_ONCE: Final = 200  # points: about 10 ms, then others have their turn
_ALL: Final = 2**31  # points; a scroll without a limit returns ten


class Shard:
    """An open folder. Raises DataFolderInUseError, or StartupError when it cannot be opened."""

    def __init__(
        self,
        folder: Path,
        *,
        vectors: Mapping[str, EdgeVectorParams] | None = None,
        sparse: Mapping[str, EdgeSparseVectorParams],
        indexes: Mapping[str, "PayloadSchemaParams"],
    ) -> None:
        self._folder = folder
        self._vectors = dict(vectors or {})
        self._sparse = dict(sparse)
        self._unflushed = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._shard = self._load(_SERVING)
            for field in indexes.keys() - self._shard.info().payload_schema.keys():
                self.write(UpdateOperation.create_field_index(field, indexes[field]))
            self.flush()
        except Exception as error:
            if "WouldBlock" in str(error):  # of the lock on the write-ahead log
                raise DataFolderInUseError(
                    f"the data folder {folder.parent} is in use by another process"
                ) from error
            raise StartupError(f"the data folder {folder} cannot be opened: {error}") from error

    def put(self, points: Iterable[tuple[UUID, dict[str, "NamedVector"], Payload]]) -> None:
        """Write points whole: their ids, vectors and payloads."""
        new = list(points)
        self.write(
            UpdateOperation.upsert_points([Point(*each) for each in new]),
            size=sum(_VECTORS + len(payload.get(RECORD, "")) for _, _, payload in new),
        )

    def write(self, operation: UpdateOperation, *, size: int = 100) -> None:
        """Do it, for good once this returns. `size` is about how many bytes it puts in the log."""
        self._shard.update(operation)
        self._unflushed += size
        if self._unflushed >= FLUSH_AFTER:
            self.flush()

    def delete(self, where: Filter, limit: int) -> int:
        """Delete at most so many of these points; how many it were."""
        records, _ = self._shard.scroll(ScrollRequest(filter=where, limit=limit))
        if records:
            self.write(UpdateOperation.delete_points([record.id for record in records]))
        return len(records)

    def remove(self, points: Iterable[UUID]) -> None:
        """Delete these points: few, for it is one step."""
        self.write(UpdateOperation.delete_points(list(points)))

    async def delete_all(self, where: Filter) -> int:
        """How many there were. Others have their turn in between: it is not done in one step."""
        total = 0
        while count := self.delete(where, _DELETED_AT_ONCE):
            total += count
            await asyncio.sleep(0)
        return total

    def query(self, requests: Sequence[QueryRequest]) -> list[dict[UUID, float]]:
        """For each request its points and their scores."""
        results = self._shard.query_batch(QueryBatchRequest(list(requests)))
        return [{_id(point): point.score for point in points} for points in results]

    def retrieve(self, points: Iterable[UUID], fields: Sequence[str]) -> dict[UUID, Payload]:
        """These fields of those of the points that exist."""
        records = self._shard.retrieve(list(points), list(fields), with_vector=False)
        return {_id(record): record.payload or {} for record in records}

    def matching(self, where: Filter, fields: Sequence[str]) -> dict[UUID, Payload]:
        """These fields of all points that match."""
        request = ScrollRequest(filter=where, limit=_ALL, with_payload=list(fields))
        records, _ = self._shard.scroll(request)
        return {_id(record): record.payload or {} for record in records}

    def count(self, where: Filter | None = None) -> int:
        return self._shard.count(CountRequest(filter=where))

    def oldest(self, where: Filter, *, by: str) -> int | None:
        """The least value of the integer field `by` among these points; None without any."""
        order = OrderBy(by, Direction.Asc)
        first = self._shard.query(QueryRequest(query=order, filter=where, limit=1))
        return round(_order(first[0])) if first else None

    def page(
        self,
        where: Filter,
        *,
        by: str,
        descending: bool,
        rank: Callable[[Payload], Any],
        fields: Sequence[str],
        limit: int,
        offset: int = 0,
    ) -> list[UUID]:
        """A page of points ordered by the integer field `by`, and among equals by `rank`.

        The engine leaves equals in any order, so all that equal the page's first or last are read
        and ordered here. `rank` is given `fields`, and must order by `by` first, in its direction.
        """
        order = OrderBy(by, Direction.Desc if descending else Direction.Asc)
        window = self._shard.query(
            QueryRequest(query=order, filter=where, limit=limit, offset=offset)
        )
        if not window:
            return []
        low, high = sorted((_order(window[0]), _order(window[-1])))
        between = FieldCondition(by, range=RangeFloat(gte=low, lte=high))
        records, _ = self._shard.scroll(
            ScrollRequest(
                filter=Filter(must=[where, between]), limit=_ALL, with_payload=list(fields)
            )
        )
        before = 0
        if offset:
            earlier = RangeFloat(gt=high) if descending else RangeFloat(lt=low)
            before = self.count(Filter(must=[where, FieldCondition(by, range=earlier)]))
        records.sort(key=lambda record: rank(record.payload or {}))
        return [_id(record) for record in records[offset - before :][:limit]]

    def compact_if_it_pays(self) -> bool:
        """Compact once more than half of a thousand points or more is deleted; whether it did.

        What is deleted slows nothing down, it only takes room. So the price is put off until less
        is left to rewrite than room is gained; until then the answer takes no time.
        """
        return self._shard.optimize()

    def compact(self) -> None:
        """Rewrite the files without what was deleted: about 0.3 ms for each point that stays."""
        self.close()
        self._shard = self._load(_PURGING)
        self._shard.optimize()
        self.close()
        self._shard = self._load(_SERVING)

    def flush(self) -> None:
        self._shard.flush()
        self._unflushed = 0

    def close(self) -> None:
        self.flush()
        self._shard.close()

    def _load(self, optimizers: EdgeOptimizersConfig) -> EdgeShard:
        """Makes of an empty folder, or of one whose making was interrupted, a whole one."""
        return EdgeShard.load(str(self._folder), self._config(optimizers))

    def _config(self, optimizers: EdgeOptimizersConfig) -> EdgeConfig:
        # What is searched is read at random: 60 payloads out of 10,000 take 0.7 ms, not 2.3.
        payload_memory = Memory.Cached if self._vectors else None
        return EdgeConfig(
            vectors=self._vectors,
            sparse_vectors=self._sparse,
            optimizers=optimizers,
            payload_memory=payload_memory,
        )


def _id(point: ScoredPoint | Record) -> UUID:
    point_id = point.id  # made anew each time it is asked for
    if not isinstance(point_id, UUID):
        raise TypeError("a point has another id than we give")
    return point_id


def _order(point: ScoredPoint) -> float:
    if point.order_value is None:
        raise ValueError("a point lacks the field to order by")
    return point.order_value


@contextmanager
def reported(what: str) -> Iterator[None]:
    """Raises StoreError for whatever the engine does, which is bare Exceptions."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(f"the store failed to {what}: {error}") from error
