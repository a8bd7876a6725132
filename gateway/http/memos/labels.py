"""What a caller attaches to what is learned, as requests of the MemOS Cloud API write it."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from gateway.http.memos.codes import Code

_MOST = 64
_PLAIN = ["string", "number", "boolean"]


def _without_nulls(value: Any) -> Any:  # noqa: ANN401  whatever was sent
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item is not None}


def _filterable(value: JsonValue) -> JsonValue:
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not listed and not isinstance(value, str | int | float):
        raise Code.INVALID.problem("must be a string, a number, a boolean or a list of strings")
    return value


Tags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(max_length=_MOST, description="Tags of what is learned."),
]
Info = Annotated[
    dict[
        str,
        Annotated[
            JsonValue,
            AfterValidator(_filterable),
            WithJsonSchema({"type": [*_PLAIN, "array"], "items": {"type": "string"}}),
        ],
    ],
    Field(
        max_length=_MOST,
        description="Anything to filter what is learned by, under names of one's own.",
    ),
    BeforeValidator(_without_nulls),
]
