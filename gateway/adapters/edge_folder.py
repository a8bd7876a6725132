"""The data folder of an embedded store: three shards, and the model that its vectors are of."""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qdrant_edge import (
    Distance,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FloatIndexParams,
    IntegerIndexParams,
    KeywordIndexParams,
    Modifier,
    UpdateOperation,
    UuidIndexParams,
)

from gateway.adapters.edge_shard import Shard
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
from gateway.errors import StartupError

if TYPE_CHECKING:
    from qdrant_edge import PayloadSchemaParams  # in the stubs alone

_PAYLOAD_ONLY: Final = {"unused": EdgeSparseVectorParams()}  # the engine wants a vector's name


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """An open one. No other process can have it."""

    registry: Shard
    turns: Shard
    memories: Shard

    def seal(self, seal: Seal) -> None:
        """Say in the metadata, before the first is, that records are sealed with this key."""
        made = self.registry.retrieve([METADATA], METADATA_FIELDS)[METADATA]
        if is_new_key(made, seal):
            self.registry.write(UpdateOperation.set_payload([METADATA], {seal.name: True}, SEALED))
            self.registry.flush()

    def compact(self) -> None:
        for shard in (self.registry, self.turns, self.memories):
            shard.compact()

    def compact_if_it_pays(self) -> bool:
        compacted = [shard.compact_if_it_pays() for shard in (self.turns, self.memories)]
        return any(compacted)

    def close(self) -> None:
        for shard in (self.memories, self.turns, self.registry):
            shard.close()


def open_folder(folder: Path, *, model: str, dimension: int, seal: Seal) -> DataFolder:
    """Open or make it; a making that was interrupted is taken up again.

    Raises DataFolderInUseError, ModelMismatchError, StartupError.
    """
    with ExitStack() as stack:

        def opened(name: str, **layout: Any) -> Shard:  # noqa: ANN401  see Shard
            return stack.enter_context(closing(Shard(folder / name, **layout)))

        registry = opened(REGISTRY, sparse=_PAYLOAD_ONLY, indexes=_engines(REGISTRY_INDEXES))
        new = _is_new(registry, folder, model, dimension, seal)
        turns = opened(TURNS, sparse=_PAYLOAD_ONLY, indexes=_engines(TURN_INDEXES))
        memories = opened(
            MEMORIES,
            vectors={DENSE: EdgeVectorParams(size=dimension, distance=Distance.Cosine)},
            sparse={LEXICAL: EdgeSparseVectorParams(modifier=Modifier.Idf)},
            indexes=_engines(MEMORY_INDEXES),
        )
        if new:
            if memories.count():
                raise StartupError(f"the store in {folder} has lost the record of its model")
            registry.put([(METADATA, {}, metadata(model, dimension))])
        stack.pop_all()
    return DataFolder(registry=registry, turns=turns, memories=memories)


def _is_new(registry: Shard, folder: Path, model: str, dimension: int, seal: Seal) -> bool:
    """Whether the folder was never opened to the end; if it was, it must fit."""
    made = registry.retrieve([METADATA], METADATA_FIELDS).get(METADATA)
    if made is None:
        return True
    check_fits(f"the store in {folder}", made, model, dimension, seal)
    return False


def _engines(indexes: Mapping[str, Index]) -> dict[str, "PayloadSchemaParams"]:
    return {field: _engine(index) for field, index in indexes.items()}


def _engine(index: Index) -> "PayloadSchemaParams":
    match index.kind:
        case "tenant":
            return UuidIndexParams(is_tenant=True)
        case "keyword":
            return KeywordIndexParams(nested=index.nested)
        case "ordered":
            return IntegerIndexParams(lookup=False, range=True)
        case "number":
            return FloatIndexParams(nested=index.nested)
