"""How a request of the MemOS Cloud API is read, and which code says what is wrong with it.

A field that is null means its default, and an unknown field is ignored: clients send both.
"""

from typing import Annotated, Any, TypeVar

import orjson
from pydantic import Field, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gateway.http.asking import NullMeansDefault
from gateway.http.memos.codes import Code, code_of_problem

_DEEPEST = 3  # parts of a field's name, as in messages.0.role; below are the client's own

Id = Annotated[str, Field(min_length=1, max_length=100)]


class Body(NullMeansDefault):
    """What an endpoint takes."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A field that may be absent may be null."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for name, inner in schema.get("properties", {}).items():
            if name not in schema.get("required", ()):
                schema["properties"][name] = _or_null(inner)
        return schema


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    about: JsonSchemaValue = {
        key: schema[key] for key in ("title", "description", "default") if key in schema
    }
    what = {key: value for key, value in schema.items() if key not in about}
    either = what.get("anyOf", [what])
    if not what or {"type": "null"} in either:
        return schema
    return {"anyOf": [*either, {"type": "null"}], **about}


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
        first["loc"] = _as_sent(first["loc"], document)
        place = ".".join(str(part) for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise code_of_problem(first["loc"], first["type"]).error(message, param=place) from None


def _as_sent(place: tuple[int | str, ...], document: dict[str, Any]) -> tuple[int | str, ...]:
    """The place of a problem, where a single value was sent that is read as a list of one."""
    single = place[1:2] == (0,) and isinstance(document[str(place[0])], str)
    return place[:1] + place[2:] if single else place
