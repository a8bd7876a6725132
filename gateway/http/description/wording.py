"""JSON schemas in words: what a field may be, and within which limits."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.http.description.family import Schema

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "pattern": "written as `{}`",
}
_ONE = {"at least 1 characters": "not empty", "at least 1 items": "not empty"}


def is_required(schema: Schema, name: str) -> bool:
    return name in schema.get("required", ())


def kind_of(
    schema: Schema,
    linked: Callable[[str], str] = str,
    plain: Callable[[str], str] = str,
) -> str:
    """What a value may be; `linked` writes the name of a schema, `plain` any other text."""
    if "$ref" in schema:
        return linked(schema["$ref"].rpartition("/")[2])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return plain(", ".join(orjson.dumps(value).decode() for value in values))
    if "anyOf" in schema:
        kinds = [kind_of(each, linked, plain) for each in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    kind = schema.get("type", "anything")
    if kind == "array" and schema.get("items"):
        return f"list of {kind_of(schema['items'], linked, plain)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind_of(schema['additionalProperties'], linked, plain)}"
    return plain(" or ".join(kind) if isinstance(kind, list) else kind)


def limits_of(schema: Schema) -> str:
    """Within which limits a value must be, as a sentence; "" where there are none."""
    told: list[str] = []
    for each in (schema, *schema.get("anyOf", ())):
        told += [_limit(name, each[name]) for name in _LIMITS if name in each]
    sentence = ", ".join(dict.fromkeys(told))
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _limit(name: str, value: Any) -> str:  # noqa: ANN401  a number or a pattern
    told = _LIMITS[name].format(value)
    return _ONE.get(told, told)
