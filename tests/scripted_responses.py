"""Answers of the Responses API for a scripted upstream, as its typed events or whole."""

from typing import Any

import orjson

from tests.scripted_upstream import Exchange


def typed(type_: str, number: int, **members: Any) -> bytes:
    """One typed event."""
    data = orjson.dumps({"type": type_, "sequence_number": number} | members)
    return b"event: " + type_.encode() + b"\ndata: " + data + b"\n\n"


def response(
    *output: dict[str, Any], id_: str = "resp_1", status: str = "completed", **more: Any
) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "m",
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "tool_choice": "auto",
        "tools": [],
    } | more


def said(text: str, id_: str = "msg_1") -> dict[str, Any]:
    """A message item."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": id_,
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def called(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A function_call item."""
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def opened(*, id_: str = "resp_1") -> list[bytes]:
    """The events with which a response that says something begins, numbers 0 to 3."""
    begun = response(id_=id_, status="in_progress")
    item = said("") | {"status": "in_progress", "content": []}
    return [
        typed("response.created", 0, response=begun),
        typed("response.in_progress", 1, response=begun),
        typed("response.output_item.added", 2, output_index=0, item=item),
        typed(
            "response.content_part.added",
            3,
            item_id="msg_1",
            output_index=0,
            content_index=0,
            part=said("")["content"][0],
        ),
    ]


def piece(text: str, number: int = 4, **more: Any) -> bytes:
    """An event that says `text`."""
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    members = at | {"delta": text, "logprobs": []} | more
    return typed("response.output_text.delta", number, **members)


def closed(text: str, *, id_: str = "resp_1", status: str = "completed", **more: Any) -> bytes:
    """The event with which a response ends."""
    whole = response(said(text), id_=id_, status=status, **more)
    return typed(f"response.{status}", 9, response=whole)


def streamed(text: str, *, id_: str = "resp_1") -> list[bytes]:
    """Every event of a response that says `text`."""
    half = len(text) // 2
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [
        *opened(id_=id_),
        piece(text[:half], 4),
        piece(text[half:], 5),
        typed("response.output_text.done", 6, **at, text=text, logprobs=[]),
        typed("response.content_part.done", 7, **at, part=said(text)["content"][0]),
        typed("response.output_item.done", 8, output_index=0, item=said(text)),
        closed(text, id_=id_),
    ]


async def answer_with(exchange: Exchange, text: str, *, id_: str = "resp_1") -> None:
    """Say `text`, streamed or whole as it was asked."""
    if exchange.request.json.get("stream"):
        await exchange.stream(*streamed(text, id_=id_))
    else:
        await exchange.json(response(said(text), id_=id_))


async def says_hello(exchange: Exchange) -> None:
    await answer_with(exchange, "Hello.")
