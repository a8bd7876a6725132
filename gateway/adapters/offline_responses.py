"""The offline model's answers in the format of the Responses API, whole or as typed events."""

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sse_starlette import ServerSentEvent

from gateway.memory.model import text_of


def texts_of(request: Mapping[str, Any]) -> list[str] | None:
    """Every text of a request's instructions and input; None when there is no input."""
    given = request.get("input")
    if isinstance(given, str):
        texts = [given]
    elif isinstance(given, list) and given:
        texts = [text_of(item.get("content")) for item in given if isinstance(item, dict)]
    else:
        return None
    instructions = request.get("instructions")
    return [instructions, *texts] if isinstance(instructions, str) else texts


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineAnswer:
    """One response that says `text`, to this request. `usage` counts tokens."""

    request: Mapping[str, Any]
    model: str
    text: str
    usage: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """The whole response."""
        return self._response(f"resp_{uuid.uuid4().hex}", self._message(_item_id()))

    def events(self) -> Iterator[bytes]:
        """The response as events, a word at a time."""
        for number, event in enumerate(self._events()):
            data = orjson.dumps(event | {"sequence_number": number}).decode()
            yield ServerSentEvent(data=data, event=event["type"], sep="\n").encode()

    def _events(self) -> Iterator[dict[str, Any]]:
        begun = self._response(f"resp_{uuid.uuid4().hex}", None)
        item_id = _item_id()
        item = {"item_id": item_id, "output_index": 0}
        part = item | {"content_index": 0}
        whole = self._message(item_id)
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        empty = whole | {"status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": 0, "item": empty}
        yield part | {"type": "response.content_part.added", "part": _part("")}
        for word in re.findall(r"\s*\S+", self.text):
            yield part | {"type": "response.output_text.delta", "delta": word, "logprobs": []}
        yield part | {"type": "response.output_text.done", "text": self.text, "logprobs": []}
        yield part | {"type": "response.content_part.done", "part": _part(self.text)}
        yield {"type": "response.output_item.done", "output_index": 0, "item": whole}
        completed = self._response(begun["id"], whole)
        yield {"type": "response.completed", "response": completed}

    def _message(self, item_id: str) -> dict[str, Any]:
        return {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [_part(self.text)],
        }

    def _response(self, response_id: str, message: dict[str, Any] | None) -> dict[str, Any]:
        """The response with its message, or as it stands before there is one."""
        asked = self.request
        return {
            "id": response_id,
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed" if message else "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": asked.get("instructions"),
            "metadata": asked.get("metadata") or {},
            "model": self.model,
            "output": [message] if message else [],
            "parallel_tool_calls": True,
            "previous_response_id": asked.get("previous_response_id"),
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "usage": self._usage() if message else None,
        }

    def _usage(self) -> dict[str, Any]:
        asked, answered = self.usage["prompt_tokens"], self.usage["completion_tokens"]
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + answered,
        }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item_id() -> str:
    return f"msg_{uuid.uuid4().hex}"
