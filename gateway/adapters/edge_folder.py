"""The data folder of an embedded store: three shards, and the model that its vectors are of."""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from qdrant_edge import (
    Distance,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FloatIndexParams,
    IntegerIndexParams,
    KeywordIndexParams,
    Modifier,
    UuidIndexParams,
)

from gateway.adapters.edge_shard import Shard
from gateway.adapters.records import OWNER
from gateway.errors import ModelMismatchError, StartupError
from gateway.memory.model import identifier

if TYPE_CHECKING:
    from qdrant_edge import PayloadSchemaParams  # in the stubs alone

SCHEMA: Final = 1  # of the payloads; a change that older code cannot read takes the next number

DENSE: Final = "dense"
LEXICAL: Final = "bm25"

METADATA: Final = UUID(identifier("metadata"))
_PAYLOAD_ONLY: Final = {"unused": EdgeSparseVectorParams()}  # the engine wants a vector's name
_KEYWORD: Final = KeywordIndexParams()
_ORDERED: Final = IntegerIndexParams(lookup=False, range=True)
_SCOPED: Final[Mapping[str, "PayloadSchemaParams"]] = {
    OWNER: UuidIndexParams(is_tenant=True),
    "created": _ORDERED,
}
_TURNS: Final[Mapping[str, "PayloadSchemaParams"]] = {
    **_SCOPED,
    "conversation": _KEYWORD,
    "refs": _KEYWORD,
    "state": _KEYWORD,
}
_MEMORIES: Final[Mapping[str, "PayloadSchemaParams"]] = {
    **_SCOPED,
    "kind": _KEYWORD,
    "status": _KEYWORD,
    "facets": _KEYWORD,
    "time": _ORDERED,
    "updated": _ORDERED,
    "numbers[].key": KeywordIndexParams(nested="numbers"),
    "numbers[].value": FloatIndexParams(nested="numbers"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """An open one. No other process can have it."""

    registry: Shard
    turns: Shard
    memories: Shard

    def compact(self) -> None:
        for shard in (self.registry, self.turns, self.memories):
            shard.compact()

    def compact_if_it_pays(self) -> bool:
        compacted = [shard.compact_if_it_pays() for shard in (self.turns, self.memories)]
        return any(compacted)

    def close(self) -> None:
        for shard in (self.memories, self.turns, self.registry):
            shard.close()


def open_folder(folder: Path, *, model: str, dimension: int) -> DataFolder:
    """Open or make it; a making that was interrupted is taken up again.

    Raises DataFolderInUseError, ModelMismatchError, StartupError.
    """
    with ExitStack() as stack:

        def opened(name: str, **layout: Any) -> Shard:  # noqa: ANN401  see Shard
            return stack.enter_context(closing(Shard(folder / name, **layout)))

        registry = opened("registry", sparse=_PAYLOAD_ONLY, indexes={})
        new = _is_new(registry, folder, model, dimension)
        turns = opened("turns", sparse=_PAYLOAD_ONLY, indexes=_TURNS)
        memories = opened(
            "memories",
            vectors={DENSE: EdgeVectorParams(size=dimension, distance=Distance.Cosine)},
            sparse={LEXICAL: EdgeSparseVectorParams(modifier=Modifier.Idf)},
            indexes=_MEMORIES,
        )
        if new:
            if memories.count():
                raise StartupError(f"the store in {folder} has lost the record of its model")
            metadata = {"schema": SCHEMA, "model": model, "dimension": dimension}
            registry.put([(METADATA, {}, metadata)])
        stack.pop_all()
    return DataFolder(registry=registry, turns=turns, memories=memories)


def _is_new(registry: Shard, folder: Path, model: str, dimension: int) -> bool:
    """Whether the folder was never opened to the end; if it was, it must fit."""
    metadata = registry.retrieve([METADATA], ("schema", "model", "dimension")).get(METADATA)
    if metadata is None:
        return True
    if metadata["schema"] != SCHEMA:
        raise StartupError(f"the store in {folder} has schema {metadata['schema']}, not {SCHEMA}")
    if (metadata["model"], metadata["dimension"]) != (model, dimension):
        raise ModelMismatchError(
            f"the store in {folder} was made with the embedding model {metadata['model']} "
            f"({metadata['dimension']} dimensions), not with {model} ({dimension})"
        )
    return False
