"""Scenarios of the Responses API: typed events and items, in both directions."""

from typing import Any

import orjson

from tests.conformance.scenario import DONE, Scenario, Step, close, cut_off, reset, stream, whole
from tests.scripted_responses import called, closed, opened, piece, response, said, typed

ASK: dict[str, Any] = {"model": "m", "input": "What shall I cook tonight?"}
ANSWER = whole(orjson.dumps(response(said("Soup."))))
WORDS = (*opened(), piece("So"), piece("up."), closed("Soup."))
STREAM = stream(*WORDS)
ITEMS = [
    {"type": "message", "role": "developer", "content": "Be brief.", "z": 1},
    {"role": "user", "content": [{"type": "input_text", "text": "Hello", "z": 1.50}]},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" * 300},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{ "a" : 1 }'},
    {"type": "function_call_output", "call_id": "c", "output": "42"},
    {"type": "item_reference", "id": "msg_1"},
    {"type": "hologram", "frames": [1, 2.50, None]},
    {
        "role": "user",
        "content": [
            {"type": "input_image", "image_url": "data:image/png;base64,iVBOR", "detail": "low"},
            {"type": "input_file", "file_id": "file-1"},
            {"type": "input_text", "text": "What is this?"},
        ],
    },
]
TOOLS: dict[str, Any] = {
    "tools": [
        {"type": "function", "name": "f", "parameters": {}, "strict": True},
        {"type": "web_search", "filters": {"z": 1}},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "mcp", "server_label": "s", "server_url": "https://x.test"},
    ],
    "tool_choice": {"type": "function", "name": "f"},
}
MORE: dict[str, Any] = {
    "instructions": "Be brief.",
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "truncation": "auto",
    "temperature": 0.30000000000000004,
    "max_output_tokens": 100,
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "vendor": {"x": None},
}
NUMBERS = b'{"model":"m","input":"\\u0048ello","temperature":1e0,"x":[1.10,-0.0],"store":false}'
REASONS = (
    typed("response.reasoning_summary_text.delta", 2, item_id="rs", delta="Hm", obfuscation="x8"),
    typed("response.hologram.delta", 3, frames=[1.5, None]),
)
CALL = (
    typed("response.output_item.added", 2, output_index=0, item=called("f", "")),
    typed("response.function_call_arguments.delta", 3, output_index=0, delta='{"a":1}'),
    typed("response.output_item.done", 4, output_index=0, item=called("f", '{"a":1}')),
    typed("response.completed", 5, response=response(called("f", '{"a":1}'))),
)
FAILED = typed("response.failed", 3, response=response(status="failed"))
INCOMPLETE = typed("response.incomplete", 3, response=response(said("So"), status="incomplete"))
ERROR = typed("error", 3, code="server_error", message="no", param=None)


def asks(name: str, *answer: Step, **members: Any) -> Scenario:
    document = orjson.dumps(ASK | members)
    return Scenario(name=name, target="/v1/responses", body=document, answer=answer or ANSWER)


def streams(name: str, *pieces: bytes) -> Scenario:
    return asks(name, *stream(*pieces), stream=True)


RESPONSES = (
    asks("a response to a text"),
    asks("a response to items", input=ITEMS),
    asks("a response with tools", input=ITEMS[1:2], **TOOLS),
    asks("a response with all its parameters", **MORE),
    asks("a response that goes on from another", previous_response_id="resp_0"),
    asks("a response in a conversation", conversation={"id": "conv_1"}),
    asks("a response in the background", background=True, store=True),
    asks("a response to nothing", input=[]),
    asks("a response to tools' outputs alone", input=ITEMS[4:5], previous_response_id="resp_0"),
    Scenario(name="numbers of a response", target="/v1/responses", body=NUMBERS, answer=ANSWER),
    asks("a response that is refused", *whole(b'{"error":{"message":"no"}}', status=400)),
    streams("typed events", *WORDS),
    streams("typed events a byte at a time", *(bytes([byte]) for byte in b"".join(WORDS))),
    streams("typed events in CRLF", *(word.replace(b"\n", b"\r\n") for word in WORDS)),
    streams("typed events and DONE", *WORDS, DONE),
    streams("typed events of reasoning", *opened(), *REASONS, piece("Soup."), closed("Soup.")),
    streams("typed events of a call", *opened()[:2], *CALL),
    streams("a response that fails", *opened(), FAILED),
    streams("a response that is incomplete", *opened(), piece("So"), INCOMPLETE),
    streams("an error event of its own", *opened(), ERROR),
    streams("an error event of its own and a failure", *opened(), ERROR, FAILED),
    streams("a response without its last event", *opened(), piece("So")),
    asks("a response that is reset", *cut_off(*opened(), piece("So")), stream=True),
    asks(
        "a response that is reset within a line", *cut_off(*opened(), b"event: resp"), stream=True
    ),
    asks("a response that is reset after its last event", *cut_off(*WORDS), stream=True),
    asks("a response that ends before its first event", *cut_off(by=close), stream=True),
    asks("a response that never comes", reset, stream=True),
)
