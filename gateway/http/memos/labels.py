"""What a caller attaches to what is learned, and to whom it opens it, as MemOS's requests do."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from gateway.http.asking import without_nulls
from gateway.http.memos.codes import Code

_MOST = 64
_PLAIN = ["string", "number", "boolean"]


def _filterable(value: JsonValue) -> JsonValue:
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not listed and not isinstance(value, str | int | float):
        raise Code.INVALID.problem("must be a string, a number, a boolean or a list of strings")
    return value


AppId = Annotated[str, Field(max_length=100, description="A label of what is learned.")]
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
    BeforeValidator(without_nulls),
]
AllowPublic = Annotated[
    bool, Field(description="Whether everybody in the project may recall what is learned.")
]
