"""The OpenAPI 3.1 document of everything that the gateway answers."""

from functools import cache
from http import HTTPStatus
from typing import Any

from gateway import __version__
from gateway.http import admin
from gateway.http.access import MEMOS_PREFIX
from gateway.http.description import openai, probes
from gateway.http.description.family import Family, Schema
from gateway.http.description.operations import PLACE, paths, refusals
from gateway.http.grants import ADMIN_PREFIX
from gateway.http.memories import routes as memories
from gateway.http.memos import routes as memos
from gateway.http.memos.codes import Code

_ABOUT = """\
An OpenAI-compatible gateway with a long-term memory, the MemOS Cloud API over the same memory, and
an API of its own.

A key is sent as `Authorization: Bearer KEY`, as `Authorization: Token KEY`, or in the header
`X-Gateway-Key`. It decides the project, and nothing in a request can name another. A gateway
without keys serves only the machine that it runs on."""

_SECURITY = {
    "Bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "Token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token KEY`, as MemOS clients send it",
    },
    "GatewayKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Gateway-Key",
        "description": "Leaves `Authorization` to the client's own key for the upstream.",
    },
}

MEMOS_ERROR = "MemOSError"
OPENAI_ERROR = "OpenAIError"
_SCHEMAS: dict[str, Schema] = {
    MEMOS_ERROR: {
        "type": "object",
        "description": "What a MemOS endpoint refuses with.",
        "properties": {
            "code": {
                "type": "integer",
                "enum": sorted(code.number for code in Code),
                "description": "; ".join(f"{code.number}: {code.meaning}" for code in Code),
            },
            "data": {"type": "null"},
            "message": {"type": "string", "description": "What is wrong, and with which field."},
        },
        "required": ["code", "data", "message"],
        "additionalProperties": False,
    },
    OPENAI_ERROR: {
        "type": "object",
        "description": "What every other endpoint refuses with, as OpenAI does.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": {"type": "string", "description": "What is wrong."},
                    "type": {"type": "string", "description": "The kind of error."},
                    "param": {"type": ["string", "null"], "description": "The field at fault."},
                    "code": {"type": ["string", "null"], "description": "The error's name."},
                },
                "required": ["message", "type", "param", "code"],
            }
        },
        "required": ["error"],
    },
}


def place(schema: str) -> Schema:
    return {"$ref": PLACE.format(model=schema)}


def families() -> tuple[Family, ...]:
    """Every API whose calls are operations."""
    return (
        Family(
            name="MemOS",
            about="The MemOS Cloud API: a client of it moves by changing its base URL. A field that"
            " is null means its default, and an unknown field is ignored.",
            prefix=f"{MEMOS_PREFIX}v1/",
            operations=memos.OPERATIONS,
            refusal=place(MEMOS_ERROR),
            statuses=_memos_statuses(),
            example=_memos_example,
            enclosed=_enveloped,
            bare=memos.BARE,
        ),
        Family(
            name="Keys",
            about="Who may call. It takes a key with the scope `admin`, and its use is logged.",
            prefix=ADMIN_PREFIX,
            operations=admin.OPERATIONS,
            refusal=place(OPENAI_ERROR),
            statuses=openai_statuses(400, 401, 403, 404, 429, 503),
            example=_openai_example,
        ),
        Family(
            name="Memories",
            about="All that is remembered of a user: to see, to change and to take back, to export"
            " and to erase. A field that is null means its default, an unknown one is refused.",
            prefix=memories.PREFIX,
            operations=memories.OPERATIONS,
            refusal=place(OPENAI_ERROR),
            statuses=openai_statuses(400, 401, 404, 408, 409, 413, 429, 503),
            example=_openai_example,
        ),
    )


@cache
def document() -> dict[str, Any]:
    """The whole description. It is the same for every gateway of a version."""
    every = families()
    operations, schemas = paths(every)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Memory Gateway",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [
            *openai.TAGS,
            *({"name": family.name, "description": family.about} for family in every),
            *probes.TAGS,
        ],
        "security": [{name: []} for name in _SECURITY],
        "paths": openai.paths(place(OPENAI_ERROR)) | operations | probes.paths(place(OPENAI_ERROR)),
        "components": {
            "securitySchemes": _SECURITY,
            "responses": {
                family.response(status): refused
                for family in every
                for status, refused in refusals(family).items()
            },
            "schemas": dict(sorted((openai.schemas() | schemas | _SCHEMAS).items())),
        },
    }


def _enveloped(data: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "code": {"const": 0},
            "data": data,
            "message": {"const": "ok"},
        },
        "required": ["code", "data", "message"],
    }


def _memos_statuses() -> dict[int, str]:
    told: dict[int, list[str]] = {}
    for code in Code:
        told.setdefault(code.status, []).append(f"{code.number}: {code.meaning}")
    return {status: " ".join(meanings) for status, meanings in told.items()}


def _memos_example(status: int) -> Any:  # noqa: ANN401  a JSON document
    code = next(code for code in Code if code.status == status)
    return {"code": code.number, "data": None, "message": code.meaning}


def _openai_example(status: int) -> Any:  # noqa: ANN401  a JSON document
    kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    error = {"message": HTTPStatus(status).phrase, "type": kind, "param": None, "code": None}
    return {"error": error}


def openai_statuses(*statuses: int) -> dict[int, str]:
    """Statuses with the words that HTTP has for them."""
    return {status: HTTPStatus(status).phrase for status in statuses}
