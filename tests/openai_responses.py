"""The Responses API of the model server in `openai_model`, for the same names of models."""

from collections.abc import Iterator
from typing import Any

import orjson

from tests.scripted_responses import called, response, said, typed


def items_of(text: str | None, refusal: str | None, calls: Any) -> list[dict[str, Any]]:
    """What an answer says, as items of output."""
    items = [called(name, orjson.dumps(given).decode(), call) for call, name, given in calls]
    if text is not None:
        items.append(said(text))
    if refusal is not None:
        items.append(said("") | {"content": [{"type": "refusal", "refusal": refusal}]})
    return items


def whole(
    asked: dict[str, Any], items: list[dict[str, Any]], number: int, *, cut: bool
) -> dict[str, Any]:
    """The response that is this number of its server's; it repeats what it was asked for."""
    usage = {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 21,
    }
    repeated = {
        "model": asked["model"],
        "previous_response_id": asked.get("previous_response_id"),
        "text": asked.get("text", {"format": {"type": "text"}}),
        "tools": asked.get("tools", []),
    }
    made = response(*items, id_=f"resp_{number}", usage=usage, **repeated)
    if cut:
        reason = {"reason": "max_output_tokens"}
        made |= {"status": "incomplete", "incomplete_details": reason}
    return made


def events(answer: dict[str, Any]) -> Iterator[bytes]:
    """The typed events with which an answer of text and calls is streamed. Refusals are not."""
    number = 0
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    for kind in ("response.created", "response.in_progress"):
        yield typed(kind, number, response=begun)
        number += 1
    for index, item in enumerate(answer["output"]):
        for kind, members in _of_item(item):
            yield typed(kind, number, output_index=index, **members)
            number += 1
    yield typed(f"response.{answer['status']}", number, response=answer)


def _of_item(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    at = {"item_id": item["id"]}
    begun = item | {"status": "in_progress"}
    if item["type"] == "function_call":
        kind, whole_text = "response.function_call_arguments", item["arguments"]
        yield "response.output_item.added", {"item": begun | {"arguments": ""}}
        for piece in _pieces(whole_text):
            yield f"{kind}.delta", at | {"delta": piece, "obfuscation": "x9"}
        yield f"{kind}.done", at | {"arguments": whole_text, "name": item["name"]}
    else:
        at |= {"content_index": 0}
        [part] = item["content"]
        yield "response.output_item.added", {"item": begun | {"content": []}}
        yield "response.content_part.added", at | {"part": part | {"text": ""}}
        for piece in _pieces(part["text"]):
            said_now = {"delta": piece, "logprobs": [], "obfuscation": "x9"}
            yield "response.output_text.delta", at | said_now
        yield "response.output_text.done", at | {"text": part["text"], "logprobs": []}
        yield "response.content_part.done", at | {"part": part}
    yield "response.output_item.done", {"item": item}


def _pieces(text: str) -> list[str]:
    return [text[at : at + 5] for at in range(0, len(text), 5)]
