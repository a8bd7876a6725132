"""The collections of a Qdrant server: made before the first write, and looked at before any use.

Several gateways and workers may do this at once, and any step may have been done before.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from gateway.adapters.schema import (
    DENSE,
    LEXICAL,
    MEMORIES,
    MEMORY_INDEXES,
    METADATA,
    METADATA_FIELDS,
    REGISTRY,
    REGISTRY_INDEXES,
    SEALED,
    TURN_INDEXES,
    TURNS,
    Index,
    check_fits,
    is_new_key,
    metadata,
)
from gateway.adapters.sealing import Seal
from gateway.errors import ModelMismatchError, StartupError

OLDEST: Final = (1, 19)  # the first in which BM25 can weigh words by one scope's memories
_NESTED_INDEXES: Final = (1, 20)

MOST_READ: Final = 10_000  # points asked for at once
MOST_WRITTEN: Final = 64
MOST_SEARCHES: Final = 8

_STRICT: Final = models.StrictModeConfig(
    enabled=True,
    unindexed_filtering_retrieve=False,
    unindexed_filtering_update=False,
    search_allow_exact=True,
    max_query_limit=MOST_READ,
    upsert_max_batchsize=MOST_WRITTEN,
    search_max_batchsize=MOST_SEARCHES,
    filter_max_conditions=256,  # a request's own has 64 at most, a range in info counts as three
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How collections are made; those that are there stay as they are."""

    prefix: str
    shards: int = 1
    replicas: int = 1
    write_consistency: int = 1

    def name(self, collection: str) -> str:
        return f"{self.prefix}{collection}"


class Collections:
    """The three collections of one prefix, for the embeddings of one model."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        layout: Layout,
        *,
        model: str,
        dimension: int,
        seal: Seal,
    ) -> None:
        self._client = client
        self._layout = layout
        self._model = model
        self._dimension = dimension
        self._seal = seal

    async def version(self) -> tuple[int, int]:
        """The server's version, major and minor. Raises StartupError for one that is too old."""
        told = (await self._client.info()).version
        numbers = re.match(r"v?(\d+)\.(\d+)", told)
        if numbers is None:
            raise StartupError(f"the Qdrant server has a version that cannot be read: {told!r:.40}")
        version = int(numbers[1]), int(numbers[2])
        if version < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise StartupError(f"the Qdrant server is {told}: {oldest} or newer is needed")
        return version

    async def look(self) -> tuple[str, int | None]:
        """The server's version and how many memories it has, or None where none was ever kept.

        Makes nothing. Raises StartupError, ModelMismatchError, and whatever the client raises.
        """
        version = ".".join(map(str, await self.version()))
        memories, registry = self._layout.name(MEMORIES), self._layout.name(REGISTRY)
        for name in (memories, registry):
            if not await self._client.collection_exists(name):
                return version, None
        await self._check_vectors()
        if (made := await self._made(registry)) is None:
            return version, None
        check_fits(f"the collection {registry}", made, self._model, self._dimension, self._seal)
        return version, (await self._client.count(memories, exact=True)).count

    async def prepare(self, version: tuple[int, int]) -> None:
        """Make what is not there, and check the model and the keys.

        `version` is the server's. Raises StartupError, ModelMismatchError, and whatever the client
        raises.
        """
        await self._make(REGISTRY, REGISTRY_INDEXES, version)
        await self._make(TURNS, TURN_INDEXES, version)
        await self._make(MEMORIES, MEMORY_INDEXES, version)
        await self._check_vectors()
        await self._check_model()

    async def _make(
        self, collection: str, indexes: Mapping[str, Index], version: tuple[int, int]
    ) -> None:
        name = self._layout.name(collection)
        if not await self._client.collection_exists(name):
            try:
                await self._create(collection)
            except (UnexpectedResponse, ValueError):  # another process was faster, or it has failed
                if not await self._client.collection_exists(name):
                    raise
        there = (await self._client.get_collection(name)).payload_schema
        for field, index in indexes.items():
            if field not in there:
                nested = index.nested if version >= _NESTED_INDEXES else None
                await self._client.create_payload_index(
                    name, field, _schema(index, nested), wait=True
                )

    async def _create(self, collection: str) -> None:
        layout, searched = self._layout, collection == MEMORIES
        vectors, sparse = {}, {}
        if searched:
            vectors[DENSE] = models.VectorParams(
                size=self._dimension, distance=models.Distance.COSINE
            )
            sparse[LEXICAL] = models.SparseVectorParams(modifier=models.Modifier.IDF)
        await self._client.create_collection(
            layout.name(collection),
            vectors_config=vectors,
            sparse_vectors_config=sparse or None,
            shard_number=layout.shards,
            replication_factor=layout.replicas,
            write_consistency_factor=layout.write_consistency,
            # Every search is exact within one scope, so a graph over all of them would serve none.
            hnsw_config=models.HnswConfigDiff(m=0),
            strict_mode_config=_STRICT,
        )

    async def _check_vectors(self) -> None:
        name = self._layout.name(MEMORIES)
        vectors = (await self._client.get_collection(name)).config.params.vectors
        dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
        if dense is None:
            raise StartupError(f"the collection {name} was not made by this gateway")
        if dense.size != self._dimension:
            raise ModelMismatchError(
                f"the collection {name} has vectors of {dense.size} dimensions,"
                f" the embedding model {self._model} makes {self._dimension}"
            )

    async def _check_model(self) -> None:
        """Of several processes that come first, one writes the record and all of them read it."""
        name = self._layout.name(REGISTRY)
        made = await self._made(name)
        if made is None:
            memories = await self._client.count(self._layout.name(MEMORIES), exact=True)
            if memories.count:
                raise StartupError(f"the collection {name} has lost the record of its model")
            record = metadata(self._model, self._dimension)
            await self._client.upsert(
                name,
                [models.PointStruct(id=str(METADATA), vector={}, payload=record)],
                wait=True,
                update_mode=models.UpdateMode.INSERT_ONLY,
            )
            made = await self._made(name) or record
        check_fits(f"the collection {name}", made, self._model, self._dimension, self._seal)
        if is_new_key(made, self._seal):  # said before the first record is sealed
            named = {self._seal.name: True}  # beside the names that others give meanwhile
            await self._client.set_payload(name, named, [str(METADATA)], key=SEALED, wait=True)

    async def _made(self, name: str) -> dict[str, Any] | None:
        records = await self._client.retrieve(
            name, [str(METADATA)], with_payload=list(METADATA_FIELDS), with_vectors=False
        )
        return records[0].payload if records else None


async def remove(client: AsyncQdrantClient, prefix: str) -> None:
    """Delete the collections of a prefix with all that is in them."""
    names = [f"{prefix}{each}" for each in (REGISTRY, TURNS, MEMORIES)]
    await asyncio.gather(*(client.delete_collection(name) for name in names))


def _schema(index: Index, nested: str | None) -> models.PayloadSchemaParams:
    match index.kind:
        case "tenant":
            # A keyword and not a uuid: strict mode wants a keyword index where keywords are asked.
            return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        case "keyword":
            return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, nested=nested)
        case "ordered":
            return models.IntegerIndexParams(
                type=models.IntegerIndexType.INTEGER, lookup=False, range=True
            )
        case "number":
            return models.FloatIndexParams(type=models.FloatIndexType.FLOAT, nested=nested)
