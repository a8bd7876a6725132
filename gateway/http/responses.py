"""The wire format of `POST /v1/responses`.

Its `input` is a text, or a list of items: messages, calls of tools and their outputs, reasoning,
references to what the server has kept. Only messages are ever touched.
"""

from collections.abc import Mapping
from typing import Any

from gateway.http import splice
from gateway.http.injection import inject, lead, message, quoted
from gateway.http.options import MOST_ID
from gateway.http.response_answer import ResponseAnswer, response_ref, tool_call
from gateway.http.tee import Answer
from gateway.settings import Position

_OUTPUT = "_call_output"  # how the types of what tools gave back end


class Responses:
    """The dialect in which the server may hold the conversation."""

    path = "responses"

    def messages(self, document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        given = document.get("input")
        if isinstance(given, str):
            said = [{"role": "user", "content": given}]
        elif isinstance(given, list) and all(isinstance(item, dict) for item in given):
            said = [shaped for item in given if (shaped := _chat_shaped(item)) is not None]
        else:
            return None
        instructions = document.get("instructions")
        if isinstance(instructions, str):
            said.insert(0, {"role": "system", "content": instructions})
        return said

    def conversation(self, document: Mapping[str, Any]) -> str:
        given = document.get("conversation")
        named = given.get("id") if isinstance(given, dict) else given
        return named if isinstance(named, str) and len(named) <= MOST_ID else ""

    def previous(self, document: Mapping[str, Any]) -> str:
        given = document.get("previous_response_id")
        return response_ref(given) if isinstance(given, str) and given else ""

    def inject(
        self, body: bytes, document: Mapping[str, Any], block: str, position: Position
    ) -> bytes | None:
        given = document.get("input")
        if position == "system":
            return _instruct(body, document, block)
        if isinstance(given, str):
            if position == "message":
                return _apart(body, block)
            return lead(body, splice.find(body, b"input"), given, block)
        items = [item if _is_message(item) else {} for item in given or ()]
        return inject(body, items, block, position, member=b"input", part="input_text")

    def answer(self) -> Answer:
        return ResponseAnswer()


def _chat_shaped(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """An item as chat writes it, or None for what was not said by anybody, such as reasoning."""
    if _is_message(item):
        return {"role": item.get("role"), "content": item.get("content")}
    type_ = item.get("type")
    if not isinstance(type_, str):
        return None
    if type_.endswith(_OUTPUT):
        return {
            "role": "tool",
            "tool_call_id": item.get("call_id"),
            "content": item.get("output"),
        }
    asked: dict[str, Any] = {"role": "assistant", "content": None}
    if (call := tool_call(item)) is not None:
        return asked | {"tool_calls": [call]}
    return asked if type_ == "item_reference" else None  # to a part of an answer, mostly


def _is_message(item: Mapping[str, Any]) -> bool:
    return bool(item.get("type", "message") == "message")


def _instruct(body: bytes, document: Mapping[str, Any], block: str) -> bytes | None:
    """The block leading the instructions, or as the instructions where there are none."""
    given = document.get("instructions")
    value = splice.find(body, b"instructions")
    if given is not None:
        return lead(body, value, given, block) if isinstance(given, str) else None
    if value is not None:  # null
        return body[:value] + quoted(block) + body[splice.value_end(body, value) :]
    start = body.index(b"{") + 1
    return splice.insert(body, start, b'"instructions":' + quoted(block) + b",")


def _apart(body: bytes, block: str) -> bytes | None:
    """The block and the text as two messages of the user."""
    value = splice.find(body, b"input")
    if value is None:
        return None
    end = splice.value_end(body, value)
    before = b"[" + message("user", block) + b',{"role":"user","content":'
    return body[:value] + before + body[value:end] + b"}]" + body[end:]
