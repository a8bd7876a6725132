"""A model server that answers in OpenAI's own shapes; the name of the model says what it does.

`talks`, `thinks` (with reasoning), `refuses`, `is-cut` (by the length), `calls-tools` (two at once,
then answers), `structured`; `quiet` sends comments before its first chunk, `slow` is silent for a
while before its headers; `busy` refuses its first request; `fails-429` and the like fail; `breaks`
and `stays` stop half way, `waits` says nothing.
"""

import asyncio
import base64
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from tests import openai_responses
from tests.scripted_upstream import DONE, Exchange, event

TEXT = "Grüße aus Lissabon: 22 °C, kein Regen 🌞"
REASONING = "The user lives in Lisbon."
REFUSAL = "I cannot help with that."
PLACE = {"city": "Lisbon", "country": "Portugal"}
CALLS = (
    ("call_1", "get_weather", {"city": "Lisbon"}),
    ("call_2", "get_time", {"zone": "Europe/Lisbon"}),
)
USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
VECTOR = [0.25, -0.5, 0.125]  # exact in 32 bits
REQUEST_ID = "req_of_the_upstream"
PAUSED_AFTER = 6  # events, of which at least two hold text

_HEADERS = [("x-request-id", REQUEST_ID), ("openai-processing-ms", "7")]
ERRORS: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", "context_length_exceeded"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    409: ("invalid_request_error", None),
    422: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", None),
}


@dataclass(frozen=True)
class Said:
    """One answer, before it is put in the shape of a stream or of a document."""

    content: str | None = None
    reasoning: str = ""
    refusal: str | None = None
    calls: tuple[tuple[str, str, dict[str, str]], ...] = ()
    finish: str = "stop"


_SAID = {
    "thinks": Said(content=TEXT, reasoning=REASONING),
    "refuses": Said(refusal=REFUSAL),
    "is-cut": Said(content='{"city": "Lis', finish="length"),
    "structured": Said(content=orjson.dumps(PLACE).decode()),
}


@dataclass
class OpenAIModel:
    """A script for `scripted_upstream`."""

    tries: Counter[str] = field(default_factory=Counter)

    async def __call__(self, exchange: Exchange) -> None:
        path = exchange.request.path.removeprefix("/v1/")
        if path == "models":
            await exchange.json({"object": "list", "data": [_model("talks")]}, headers=_HEADERS)
        elif path.startswith("models/"):
            name = unquote(path.removeprefix("models/"))
            await exchange.json(_model(name), headers=_HEADERS)
        elif path == "embeddings":
            await exchange.json(_embeddings(exchange.request.json), headers=_HEADERS)
        elif path == "completions":
            await self._complete(exchange)
        else:
            await self._answer(exchange, to_responses=path == "responses")

    async def _answer(self, exchange: Exchange, *, to_responses: bool) -> None:
        asked = exchange.request.json
        name = asked["model"]
        self.tries[name] += 1
        if name == "busy" and self.tries[name] == 1:
            await _fail(exchange, 429, ("retry-after-ms", "1"))
        elif name.startswith("fails-"):
            await _fail(exchange, int(name.removeprefix("fails-")), ("retry-after", "1"))
        elif name == "waits":
            await exchange.closed.wait()
        elif to_responses:
            await self._respond(exchange, asked)
        else:
            said = _said(name, stepped=asked["messages"][-1]["role"] == "tool")
            if asked.get("stream"):
                pieces = [event(chunk) for chunk in _chunks(asked, said)]
                await _stream(exchange, name, [*pieces, DONE])
            else:
                await exchange.json(_completion(asked, said), headers=_HEADERS)

    async def _respond(self, exchange: Exchange, asked: dict[str, Any]) -> None:
        last = asked["input"][-1]
        stepped = isinstance(last, dict) and last.get("type") == "function_call_output"
        said = _said(asked["model"], stepped=stepped)
        answer = openai_responses.whole(
            asked,
            openai_responses.items_of(said.content, said.refusal, said.calls),
            self.tries.total(),
            cut=said.finish == "length",
        )
        if asked.get("stream"):
            await _stream(exchange, asked["model"], list(openai_responses.events(answer)))
        else:
            await exchange.json(answer, headers=_HEADERS)

    async def _complete(self, exchange: Exchange) -> None:
        asked = exchange.request.json
        whole = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "talks"}
        if not asked.get("stream"):
            choice = {"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None}
            await exchange.json(whole | {"choices": [choice], "usage": USAGE}, headers=_HEADERS)
            return
        pieces = [
            event(whole | {"choices": [{"index": 0, "text": t, "finish_reason": f}]})
            for t, f in [*((piece, None) for piece in _pieces(TEXT)), ("", "stop")]
        ]
        await exchange.stream(*pieces, DONE, headers=_HEADERS)


def _said(name: str, *, stepped: bool) -> Said:
    """What this model says; `stepped` when it has been given what its tools gave back."""
    if name == "calls-tools" and not stepped:
        return Said(calls=CALLS, finish="tool_calls")
    return _SAID.get(name, Said(content=TEXT))


def _pieces(text: str) -> list[str]:
    return [text[at : at + 5] for at in range(0, len(text), 5)]


def _message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    message |= {"refusal": said.refusal, "annotations": []}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if said.calls:
        message["tool_calls"] = [
            {
                "id": call,
                "type": "function",
                "function": {"name": name, "arguments": orjson.dumps(arguments).decode()},
            }
            for call, name, arguments in said.calls
        ]
    return message


def _completion(asked: dict[str, Any], said: Said) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": _message(said),
        "logprobs": None,
        "finish_reason": said.finish,
    }
    return _head("chat.completion", asked) | {"choices": [choice], "usage": USAGE}


def _head(kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1_790_000_000,
        "model": asked["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }


def _chunks(asked: dict[str, Any], said: Said) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed answer, with a last one for usage when it was asked for."""
    with_usage = (asked.get("stream_options") or {}).get("include_usage")
    head = _head("chat.completion.chunk", asked) | ({"usage": None} if with_usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return head | {"choices": [choice], "obfuscation": "x9"}

    yield chunk({"role": "assistant", "content": None if said.calls else "", "refusal": None})
    for delta in _deltas(said):
        yield chunk(delta)
    yield chunk({}, said.finish)
    if with_usage:
        yield head | {"choices": [], "usage": USAGE, "obfuscation": ""}


def _deltas(said: Said) -> Iterator[dict[str, Any]]:
    said_as = {
        "reasoning_content": said.reasoning,
        "content": said.content,
        "refusal": said.refusal,
    }
    for name, text in said_as.items():
        for piece in _pieces(text or ""):
            yield {name: piece}
    for index, (call, name, arguments) in enumerate(said.calls):
        function = {"name": name, "arguments": ""}
        yield _fragment(index, {"id": call, "type": "function", "function": function})
        for piece in _pieces(orjson.dumps(arguments).decode()):
            yield _fragment(index, {"function": {"arguments": piece}})


def _fragment(index: int, call: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"index": index} | call]}


async def _stream(exchange: Exchange, name: str, pieces: list[bytes]) -> None:
    if name == "slow":
        await asyncio.sleep(0.1)
    await exchange.head(200, [("content-type", "text/event-stream; charset=utf-8"), *_HEADERS])
    if name == "quiet":
        for _ in range(3):
            await exchange.chunk(b": still thinking\n\n")
    for piece in pieces[: PAUSED_AFTER if name in {"breaks", "stays"} else None]:
        await exchange.chunk(piece)
    if name == "breaks":
        exchange.abort()
    elif name == "stays":
        await exchange.closed.wait()
    else:
        await exchange.end()


async def _fail(exchange: Exchange, status: int, *headers: tuple[str, str]) -> None:
    kind, code = ERRORS[status]
    error = {"message": f"scripted {status}", "type": kind, "param": None, "code": code}
    await exchange.json({"error": error}, status, [*_HEADERS, *headers])


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "tests"}


def _embeddings(asked: dict[str, Any]) -> dict[str, Any]:
    given = asked["input"]
    count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1
    packed = base64.b64encode(struct.pack(f"<{len(VECTOR)}f", *VECTOR)).decode()
    vector = packed if asked.get("encoding_format") == "base64" else VECTOR
    data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)]
    return {
        "object": "list",
        "data": data,
        "model": asked["model"],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
