"""How a request of the MemOS Cloud API is read, and which code says what is wrong with it.

A field that is null means its default, and an unknown field is ignored: clients send both.
"""

from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, Field, ValidationError, model_validator

from gateway.http.errors import ApiError

_EMPTY, _USER_TOO_LONG, _CONVERSATION_TOO_LONG, _RELATIVITY = "40002", "40010", "40011", "40012"
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
    """The request in `raw`. Raises ApiError 400 with MemOS's code, naming the first wrong field."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(400, "the body is not valid JSON") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise ApiError(400, message, param=place, code=_code(place, first["type"])) from None


def _code(place: str, problem: str) -> str | None:
    if problem in {"missing", "string_too_short", "too_short"}:
        return _EMPTY
    if problem == "string_too_long":
        too_long = {"user_id": _USER_TOO_LONG, "conversation_id": _CONVERSATION_TOO_LONG}
        return too_long.get(place)
    return _RELATIVITY if place == "relativity" else None
