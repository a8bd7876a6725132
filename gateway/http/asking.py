"""How a request of our own API is read: from the path, the query and the JSON body alike.

Unlike a client of MemOS's, ours is told of a field that it got wrong: an unknown one is refused. A
field that is null means its default.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, Field, ValidationError, model_validator

from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders
from gateway.http.options import DEFAULT_USER, MOST_ID, user_of

_DEEPEST = 3  # parts of a field's name; below are the client's own


def without_nulls(value: Any) -> Any:  # noqa: ANN401  whatever was sent
    """An object without its members that are null; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item is not None}


class NullMeansDefault(BaseModel):
    """A request in which null is the same as absent."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        return without_nulls(value)


class Asked(NullMeansDefault, extra="forbid"):
    """What a call takes. `user` may also be named by the header X-User-Id, which comes first."""


class OfUser(Asked):
    """What concerns the memories of one user."""

    user: str = Field(
        DEFAULT_USER,
        min_length=1,
        max_length=MOST_ID,
        description="Whose memories; the header X-User-Id says the same and comes first.",
    )


AskedType = TypeVar("AskedType", bound=BaseModel)


def read(
    model: type[AskedType],
    *,
    path: Mapping[str, str],
    query: bytes,
    body: bytes,
    headers: RawHeaders,
) -> AskedType:
    """The request. What the path says comes before the body, and that before the query.

    In a query a list is one value with commas, or several values. Raises ApiError 400, naming the
    first wrong field.
    """
    given = _of_query(model, query)
    if body.strip():
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ApiError(400, "the body is not valid JSON") from None
        if not isinstance(document, dict):
            raise ApiError(400, "the body is not a JSON object")
        given |= document
    if "user" in model.model_fields and "user" not in path:
        named = user_of(headers, {})
        if named != DEFAULT_USER or "user" not in given:
            given["user"] = named
    try:
        return model.model_validate(given | dict(path))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part)[:MOST_ID] for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise ApiError(400, message, param=place or None) from None


def _of_query(model: type[BaseModel], query: bytes) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is list:
            given.setdefault(name, []).extend(part for part in value.split(",") if part)
        else:
            given[name] = value
    return given
