"""How a request of the MemOS Cloud API is read, and which code says what is wrong with it.

A field that is null means its default, and an unknown field is ignored: clients send both.
"""

from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, Field, ValidationError, model_validator

from gateway.http.memos.codes import Code, code_of_problem

_DEEPEST = 3  # parts of a field's name, as in messages.0.role; below are the client's own

Id = Annotated[str, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    """A request body in which null is the same as absent."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None}


BodyType = TypeVar("BodyType", bound=Body)


def parse_body(model: type[BodyType], raw: bytes) -> BodyType:
    """The request in `raw`. Raises ApiError with MemOS's code, naming the first wrong field."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Code.INVALID.error("the body is not valid JSON") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise code_of_problem(first["loc"], first["type"]).error(message, param=place) from None
