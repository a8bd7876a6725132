"""Operations as OpenAPI describes them: every field from the models that read and answer them."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from gateway.http.description.examples import EXAMPLES
from gateway.http.description.family import Family, Schema
from gateway.http.operation import Operation

PLACE = "#/components/schemas/{model}"
EVENT = "text/event-stream"
_RESPONSE = "#/components/responses/{name}"
_IN_PATH = re.compile(r"{(\w+)(?::\w+)?}")
_NO_BODY = {"GET", "DELETE"}
_FORM = {
    "type": "object",
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "The files, each a part with a name.",
        },
        "knowledgebase_id": {
            "type": "string",
            "description": "The knowledge base; it may stand in the query instead.",
        },
        "type": {
            "enum": ["document", "skill"],
            "description": "What the files are; it may stand in the query instead.",
        },
    },
    "required": ["file"],
    "additionalProperties": True,
}


def paths(families: Sequence[Family]) -> tuple[dict[str, Any], dict[str, Schema]]:
    """The paths of these families, and the schemas that they refer to."""
    every = [(family, each) for family in families for each in family.operations]
    asked = {each.asked: TypeAdapter(each.asked) for _, each in every}
    answers = {_key(each): TypeAdapter(each.answer) for _, each in every}
    answers |= {f"{_key(e)} {EVENT}": TypeAdapter(e.event) for _, e in every if e.event}
    named: dict[tuple[Any, Any], Any]
    named, shared = TypeAdapter.json_schemas(
        [
            *((model, "validation", adapter) for model, adapter in asked.items()),
            *((key, "serialization", adapter) for key, adapter in answers.items()),
        ],
        ref_template=PLACE,
    )
    schemas = {name: _untitled(schema) for name, schema in shared.get("$defs", {}).items()}
    described: dict[str, Any] = {}
    for family, each in every:
        whole = named[each.asked, "validation"]
        path = "/" + _IN_PATH.sub(r"{\1}", f"{family.prefix}{each.path}").lstrip("/")
        answer = named[_key(each), "serialization"]
        told = named.get((f"{_key(each)} {EVENT}", "serialization"))
        entry = _operation(family, each, path, (whole, _resolved(whole, schemas)), (answer, told))
        described.setdefault(path, {})[each.method.lower()] = entry
    return described, schemas


def _key(operation: Operation[Any]) -> str:
    return f"{operation.method} {operation.path} {operation.work.__name__}"


def _untitled(schema: Schema) -> Schema:
    """Without the titles that pydantic makes of the names of fields."""
    if "properties" not in schema:
        return schema
    fields = {
        name: {key: value for key, value in inner.items() if key != "title"}
        for name, inner in schema["properties"].items()
    }
    return schema | {"properties": fields}


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    if "$ref" in schema:
        return schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _operation(
    family: Family,
    operation: Operation[Any],
    path: str,
    asked: tuple[Schema, Schema],
    answer: tuple[Schema, Schema | None],
) -> Schema:
    """`asked` is a schema as it may be referred to, and as it is; `answer` one and of an event."""
    summary, _, more = inspect.cleandoc(operation.work.__doc__ or "").partition("\n\n")
    in_path = set(_IN_PATH.findall(operation.path))
    entry: Schema = {
        "tags": [family.name],
        "operationId": _identifier(operation.method, path),
        "summary": " ".join(summary.split()),
        "description": _paragraphs(more),
        "parameters": list(_parameters(asked[1], in_path, operation.method)),
        "responses": {
            "200": {
                "description": "Done.",
                "content": {
                    operation.kind: {"schema": _whole(family, operation, answer[0])},
                    **({EVENT: {"schema": event(answer[1])}} if answer[1] else {}),
                },
            },
            **{
                status: {"$ref": _RESPONSE.format(name=family.response(status))}
                for status in refusals(family)
            },
        },
    }
    if operation.method not in _NO_BODY:
        entry["requestBody"] = _body(*asked, in_path, EXAMPLES.get(path, {}))
        if operation.from_form is not None:
            entry["requestBody"]["content"]["multipart/form-data"] = {"schema": _FORM}
    return {name: value for name, value in entry.items() if value not in ("", [])}


def _whole(family: Family, operation: Operation[Any], answer: Schema) -> Schema:
    return answer if operation.path in family.bare else family.enclosed(answer)


def refusals(family: Family) -> dict[str, Schema]:
    """Errors by status, each in the family's shape, with what it then means."""
    told = {str(status): meaning for status, meaning in sorted(family.statuses.items())}
    content: Schema = {"schema": family.refusal}
    named = {
        status: {
            "description": meaning,
            "content": {"application/json": content | {"example": family.example(int(status))}},
        }
        for status, meaning in told.items()
    }
    other = {"description": "Refused.", "content": {"application/json": content}}
    return {**named, "default": other}


def _parameters(asked: Schema, in_path: set[str], method: str) -> Iterator[Schema]:
    required = asked.get("required", ())
    for name, schema in asked.get("properties", {}).items():
        if name not in in_path and method not in _NO_BODY:
            continue
        inner = {key: value for key, value in schema.items() if key != "description"}
        yield {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in required,
            "description": schema.get("description", ""),
            "schema": inner,
        }


def _body(
    referred: Schema, asked: Schema, in_path: set[str], examples: Mapping[str, Any]
) -> Schema:
    content: Schema = {"schema": _without(asked, in_path) if in_path else referred}
    if examples:
        content["examples"] = {
            f"example{n}": {"summary": summary, "value": value}
            for n, (summary, value) in enumerate(examples.items(), 1)
        }
    return {"required": True, "content": {"application/json": content}}


def _without(asked: Schema, names: set[str]) -> Schema:
    """The schema of what is asked less the fields that the path holds."""
    fields = {name: schema for name, schema in asked["properties"].items() if name not in names}
    required = [name for name in asked.get("required", ()) if name not in names]
    rest = {key: value for key, value in asked.items() if key != "required"} | {
        "properties": fields
    }
    return rest | {"required": required} if required else rest


def event(data: Schema | None = None) -> Schema:
    """One event of a stream, whose data is JSON of this schema."""
    written: Schema = {"type": "string", "contentMediaType": "application/json"}
    return {
        "type": "object",
        "description": "Each event of the stream.",
        "properties": {
            "event": {"type": "string"},
            "data": written | ({"contentSchema": data} if data else {}),
        },
        "required": ["data"],
    }


def _identifier(method: str, path: str) -> str:
    return "_".join([method.lower(), *re.findall(r"\w+", path)])


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
