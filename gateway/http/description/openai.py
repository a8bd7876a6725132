"""The OpenAI endpoints, described by hand: the gateway reads of them only what concerns memory."""

from typing import Any

from pydantic import TypeAdapter

from gateway.http.description.family import Schema
from gateway.http.description.operations import PLACE, event
from gateway.http.options import MOST_ID, MemoryField

WITH_MEMORY, UNTOUCHED = "With memory", "Passed through"
TAGS = [
    {
        "name": WITH_MEMORY,
        "description": "OpenAI's own requests. What is remembered leads the last user message;"
        " everything else goes on and comes back byte for byte, whatever it is.",
    },
    {
        "name": UNTOUCHED,
        "description": "Every other path under `/v1`, whatever its method and body. A base URL"
        " without `/v1` serves chat/completions, responses, completions, embeddings and models.",
    },
]
_MEMORY = "Memory"
_ANY: Schema = {"type": "object", "additionalProperties": True}


def _header(name: str, description: str, **schema: object) -> Schema:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string"} | schema,
    }


_ASKED = [
    _header(
        "X-Memory",
        "Whether to recall and learn, only recall (`read`), only learn (`write`), or neither.",
        enum=["on", "off", "read", "write"],
    ),
    _header("X-User-Id", "Whose memory; else the body says, else `default`.", maxLength=MOST_ID),
    _header(
        "X-Conversation-Id",
        "Which conversation; else the one whose words the request resends.",
        maxLength=MOST_ID,
    ),
]
_TOLD: Schema = {
    "X-Memory-Status": "`hit`, `empty`, `off`, or `degraded;reason=...`",
    "X-Memory-Count": "How many memories are in the prompt.",
    "X-Memory-Ids": "Their ids and scores, as `id;score=0.83, ...`",
    "X-Conversation-Id": "The conversation, percent-encoded where it is not plain.",
    "X-Gateway-Request-Id": "This request's id in the gateway's log.",
    "Server-Timing": "Milliseconds of recall and of the upstream's first byte.",
}


def schemas() -> dict[str, Schema]:
    """The member `memory` of a request."""
    memory = TypeAdapter(MemoryField).json_schema(ref_template=PLACE)
    return {
        **memory.pop("$defs", {}),
        _MEMORY: memory | {"title": _MEMORY},
    }


def paths(refusal: Schema) -> dict[str, Any]:
    """The paths; `refusal` is the schema of an error in OpenAI's shape."""
    about = "What is to be recalled and learned; removed before the request goes on."
    memory: Schema = {"memory": {"$ref": PLACE.format(model=_MEMORY), "description": about}}
    who: Schema = {
        "user": {"type": "string", "maxLength": MOST_ID, "description": "Whose memory."},
        "safety_identifier": {"type": "string", "description": "Whose memory, if no `user`."},
        "metadata": {
            "type": "object",
            "description": "`user_id` and `conversation_id` in it come before `user`.",
        },
        "stream": {"type": "boolean", "default": False, "description": "Answer in events."},
    }
    messages: Schema = {
        "model": {"type": "string", "description": "The model, as its server names it."},
        "messages": {"type": "array", "items": _ANY, "description": "As OpenAI has them."},
    }
    given: Schema = {
        "model": messages["model"],
        "input": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": _ANY}],
            "description": "A text, or items as OpenAI has them.",
        },
        "previous_response_id": {
            "type": "string",
            "description": "The response that this goes on from, and with it the conversation.",
        },
        "conversation": {
            "anyOf": [{"type": "string"}, _ANY],
            "description": "The conversation, or an object with its `id`.",
        },
    }
    said = [{"role": "user", "content": "Which city do I live in?"}]
    chat = _with_memory(
        "A chat completion that remembers the user",
        {**messages, **who, **memory},
        ["messages"],
        {"model": "gpt-4o-mini", "user": "ann", "messages": said, "memory": {"mode": "read"}},
        refusal,
    )
    response = _with_memory(
        "A response that remembers the user",
        {**given, **who, **memory},
        ["input"],
        {"model": "gpt-4o-mini", "user": "ann", "input": "Which city do I live in?"},
        refusal,
    )
    anywhere = {
        "name": "path",
        "in": "path",
        "required": True,
        "description": "Anything, with slashes.",
        "schema": {"type": "string"},
    }
    return {
        "/v1/chat/completions": {"post": {"operationId": "chat_completions", **chat}},
        "/v1/responses": {"post": {"operationId": "responses", **response}},
        "/v1/models": {"get": _untouched("models", "The models of all upstreams", refusal)},
        "/v1/{path}": {
            "parameters": [anywhere],
            "get": _untouched("passed_on", "What the upstream answers", refusal),
            "post": _untouched("passed_on_post", "What the upstream answers", refusal)
            | {"requestBody": {"required": False, "content": {"*/*": {}}}},
            "delete": _untouched("passed_on_delete", "What the upstream answers", refusal),
        },
    }


def _with_memory(
    summary: str, fields: Schema, required: list[str], example: object, refusal: Schema
) -> Schema:
    asked = _ANY | {"properties": fields, "required": required}
    headers = {
        name: {"description": meaning, "schema": {"type": "string"}}
        for name, meaning in _TOLD.items()
    }
    return {
        "tags": [WITH_MEMORY],
        "summary": summary,
        "parameters": _ASKED,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": asked, "example": example}},
        },
        "responses": {
            "200": {
                "description": "The upstream's answer, as it came.",
                "headers": headers,
                "content": {
                    "application/json": {"schema": _ANY},
                    "text/event-stream": {"schema": event()},
                },
            },
            "default": _refused(refusal),
        },
    }


def _untouched(identifier: str, summary: str, refusal: Schema) -> Schema:
    return {
        "operationId": identifier,
        "tags": [UNTOUCHED],
        "summary": summary,
        "responses": {
            "200": {"description": "The upstream's answer, as it came.", "content": {"*/*": {}}},
            "default": _refused(refusal),
        },
    }


def _refused(refusal: Schema) -> Schema:
    return {
        "description": "The gateway's own error, or the upstream's as it came.",
        "content": {"application/json": {"schema": refusal}},
    }
