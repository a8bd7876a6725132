"""What a supervisor asks, and this description itself, described by hand."""

from typing import Any

from gateway.http.description.family import Schema

_TAG = "Supervision"
TAGS = [
    {
        "name": _TAG,
        "description": "How the gateway is, what it counts, and this description."
        " All but `/metrics` need no key.",
    }
]
_READINESS: Schema = {
    "type": "object",
    "properties": {
        "status": {"enum": ["ok", "degraded", "shutting down"]},
        "parts": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Each part's state: `ok`, or what is wrong with it.",
        },
    },
    "required": ["status", "parts"],
}


def paths(refusal: Schema) -> dict[str, Any]:
    """The paths; `refusal` is the schema of an error in OpenAI's shape."""
    refused = {
        "default": {
            "description": "A key that does not open it.",
            "content": {"application/json": {"schema": refusal}},
        }
    }
    alive: Schema = {"type": "object", "properties": {"status": {"const": "ok"}}}
    ready, ready_body = "Whether requests may come, with the state of each part", "application/json"
    open_: Schema = {"security": []}
    return {
        "/healthz": {"get": open_ | _told("healthz", "Whether the process is alive", schema=alive)},
        "/readyz": {
            "get": open_
            | _told(
                "readyz",
                ready,
                schema=_READINESS,
                more={
                    "503": {
                        "description": "It shuts down.",
                        "content": {ready_body: {"schema": _READINESS}},
                    }
                },
            )
        },
        "/metrics": {
            "get": _told("metrics", "What is counted, for Prometheus", "text/plain", more=refused)
        },
        "/openapi.json": {"get": open_ | _told("openapi", "This description, in OpenAPI 3.1")},
        "/docs": {"get": open_ | _told("docs", "This description as a page", "text/html")},
    }


def _told(
    identifier: str,
    summary: str,
    kind: str = "application/json",
    *,
    schema: Schema | None = None,
    more: Schema | None = None,
) -> Schema:
    text: Schema = {"type": "object"} if kind == "application/json" else {"type": "string"}
    return {
        "operationId": identifier,
        "tags": [_TAG],
        "summary": summary,
        "responses": {
            "200": {"description": "As it is now.", "content": {kind: {"schema": schema or text}}},
            **(more or {}),
        },
    }
