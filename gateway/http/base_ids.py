"""Knowledge bases as requests name them: those to search, those to write to."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.memory.knowledge import ALL, MOST_BASES

_ID_LIST = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_BASES}


def _listed(value: Any) -> Any:  # noqa: ANN401  whatever was sent
    return [ALL] if value == ALL else value


SearchedBases = Annotated[
    list[str],
    BeforeValidator(_listed),
    Field(
        max_length=MOST_BASES,
        description='Knowledge bases that are searched too; "all": each of the project.',
    ),
    WithJsonSchema({"anyOf": [{"const": ALL}, _ID_LIST]}),
]
WrittenBases = Annotated[
    list[str],
    Field(
        max_length=MOST_BASES,
        description="Knowledge bases that what is learned is written to as well.",
    ),
]
