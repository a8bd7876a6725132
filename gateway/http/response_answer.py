"""Reads an answer of the Responses API: typed events, or one document with its output items.

What was said is the text of its messages and the calls of the client's own tools. Reasoning and
refusals are neither, and what the server's tools did is its own affair.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.http.errors import ApiError
from gateway.http.tee import Answer

# An item's type -> its type among chat's tool calls, and the member that grows piece by piece.
_CALLS = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
_PIECES = {
    f"response.{name}.{step}": (type_, step)
    for name, type_ in (
        ("function_call_arguments", "function_call"),
        ("custom_tool_call_input", "custom_tool_call"),
    )
    for step in ("delta", "done")
}
_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_FAILED = ("failed", "cancelled")


class ResponseAnswer(Answer):
    """One response, gathered as it comes. There is no [DONE]: an event says that it is over."""

    def __init__(self) -> None:
        super().__init__()
        self._sequence = -1

    def take_event(self, document: dict[str, Any]) -> None:
        number = document.get("sequence_number")
        if isinstance(number, int):
            self._sequence = max(self._sequence, number)
        type_ = document.get("type")
        if type_ == "response.output_text.delta":
            self.say(document.get("delta"), _place(document))
        elif type_ == "response.output_text.done":
            if not self.said(_place(document)):
                self.say(document.get("text"), _place(document))
        elif type_ in ("response.output_item.added", "response.output_item.done"):
            self._call(document.get("item"), document.get("output_index"))
        elif isinstance(type_, str) and type_ in _PIECES:
            self._argument(document, *_PIECES[type_])
        elif type_ == "error":  # response.failed may follow
            self.finished = self.failed = True
        elif isinstance(document.get("response"), dict):
            self._state(document["response"])
            if type_ in _TERMINAL:
                self._over(document["response"])
                self.failed = self.failed or type_ in ("response.failed", "response.cancelled")

    def take_document(self, document: dict[str, Any]) -> None:
        self._state(document)
        self._over(document)

    def error_event(self, error: ApiError) -> bytes:
        """An event of the type "error".

        The details stand in it twice: at the first level, as the API documents them, and in
        `error`, where official clients look for what they raise.
        """
        detail = {"code": error.code, "message": error.message, "param": error.param}
        document = {
            "type": "error",
            "sequence_number": self._sequence + 1,
            **detail,
            "error": {"type": error.kind, **detail},
        }
        return b"event: error\ndata: " + orjson.dumps(document) + b"\n\n"

    def _state(self, response: dict[str, Any]) -> None:
        if isinstance(response.get("id"), str) and response["id"]:
            self.ref = response_ref(response["id"])
        if isinstance(response.get("usage"), dict):
            self.usage = response["usage"]

    def _over(self, response: dict[str, Any]) -> None:
        """The response as it ended; what was streamed of it already is not taken again."""
        self.finished = self.done = True
        self.failed = self.failed or response.get("status") in _FAILED
        output = response.get("output")
        if self.message() is not None or not isinstance(output, list):
            return
        for index, item in enumerate(output):
            self._call(item, index)
            self._texts(item, index)

    def _texts(self, item: object, index: int) -> None:
        content = item.get("content") if isinstance(item, dict) else None
        if not isinstance(item, dict) or item.get("type") != "message":
            return
        for part, said in enumerate(content if isinstance(content, list) else ()):
            if isinstance(said, dict) and said.get("type") == "output_text":
                self.say(said.get("text"), (index, part))

    def _call(self, item: object, index: object) -> None:
        """A call of a tool as it begins, or as it ended."""
        type_ = item.get("type") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(type_, str) or type_ not in _CALLS:
            return
        kind, grows = _CALLS[type_]
        known = self.call(index)
        if known is None:
            return
        if not known.get("id"):
            known |= {"id": self.kept(item.get("call_id")), "type": kind}
        whole = known.setdefault(kind, {"name": "", grows: ""})
        for key in ("name", grows):
            if not whole[key]:
                whole[key] = self.kept(item.get(key))

    def _argument(self, document: dict[str, Any], type_: str, step: str) -> None:
        kind, grows = _CALLS[type_]
        known = self.call(document.get("output_index"))
        if known is None:
            return
        whole = known.setdefault(kind, {"name": "", grows: ""})
        if step == "delta":
            whole[grows] += self.kept(document.get("delta"))
        elif not whole[grows]:
            whole[grows] = self.kept(document.get(grows))


def tool_call(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """An item that calls a tool of the client's, as chat writes it; None for any other item."""
    type_ = item.get("type")
    if not isinstance(type_, str) or type_ not in _CALLS:
        return None
    kind, grows = _CALLS[type_]
    whole = {"name": item.get("name"), grows: item.get(grows)}
    return {"id": item.get("call_id"), "type": kind, kind: whole}


def response_ref(response_id: str) -> str:
    """The name by which a later request refers to the turn of this response."""
    return f"response:{response_id}"


def _place(at: dict[str, Any]) -> tuple[int, int]:
    """Of an output item and a part in it; what names none is the first."""
    item, part = (at.get(key) for key in ("output_index", "content_index"))
    return item if isinstance(item, int) else 0, part if isinstance(part, int) else 0
