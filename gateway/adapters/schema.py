"""What a store is made of in either engine: its vectors, its indexes, the record of its model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from gateway.adapters.records import OWNER, PROJECT
from gateway.adapters.sealing import SETTING, Seal
from gateway.errors import ModelMismatchError, StartupError
from gateway.memory.model import identifier

SCHEMA: Final = 1  # of the payloads; a change that older code cannot read takes the next number

REGISTRY: Final = "registry"
TURNS: Final = "turns"
MEMORIES: Final = "memories"

DENSE: Final = "dense"  # cosine
LEXICAL: Final = "bm25"  # sparse; weighed by how rare a word is when it is searched

METADATA: Final = UUID(identifier("metadata"))  # the point of the registry that names the model
SEALED: Final = "sealed"  # of it: an object with the name of each key that records are sealed with
METADATA_FIELDS: Final = ("schema", "model", "dimension", SEALED)


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a payload field. `ordered` ones are of integers, `number` of floats.

    With `nested`, the field is one of each object in that list.
    """

    kind: Literal["tenant", "keyword", "ordered", "number"]
    nested: str | None = None


_KEYWORD: Final = Index("keyword")
_ORDERED: Final = Index("ordered")
_SCOPED: Final[Mapping[str, Index]] = {OWNER: Index("tenant"), "created": _ORDERED}

REGISTRY_INDEXES: Final[Mapping[str, Index]] = {
    **_SCOPED,
    "kind": _KEYWORD,
    "group": _KEYWORD,
}
TURN_INDEXES: Final[Mapping[str, Index]] = {
    **_SCOPED,
    "conversation": _KEYWORD,
    "refs": _KEYWORD,
    "state": _KEYWORD,
}
MEMORY_INDEXES: Final[Mapping[str, Index]] = {
    **_SCOPED,
    PROJECT: _KEYWORD,
    "id": _KEYWORD,
    "kind": _KEYWORD,
    "status": _KEYWORD,
    "facets": _KEYWORD,
    "time": _ORDERED,
    "updated": _ORDERED,
    "numbers[].key": Index("keyword", nested="numbers"),
    "numbers[].value": Index("number", nested="numbers"),
}


def metadata(model: str, dimension: int) -> dict[str, str | int]:
    """The payload of the registry's point METADATA."""
    return {"schema": SCHEMA, "model": model, "dimension": dimension}


def check_fits(store: str, made: Mapping[str, Any], model: str, dimension: int, seal: Seal) -> None:
    """Whether a store with this metadata may be used with this model and these keys.

    `store` says which one it is. Raises ModelMismatchError, StartupError.
    """
    if made["schema"] != SCHEMA:
        raise StartupError(f"{store} has schema {made['schema']}, not {SCHEMA}")
    if (made["model"], made["dimension"]) != (model, dimension):
        raise ModelMismatchError(
            f"{store} was made with the embedding model {made['model']} "
            f"({made['dimension']} dimensions), not with {model} ({dimension})"
        )
    if seal.lacks(made.get(SEALED) or ()):
        raise StartupError(
            f"{store} has records that are sealed with a key that is not in {SETTING}"
        )


def is_new_key(made: Mapping[str, Any], seal: Seal) -> bool:
    """Whether records are now sealed with a key that the metadata does not name yet."""
    return bool(seal.name) and seal.name not in (made.get(SEALED) or {})
