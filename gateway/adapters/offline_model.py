"""The built-in responder for a gateway with no language model: it says so, and what it was given.

Speaks enough of OpenAI's wire formats (chat completions and responses, streamed or not, and models)
for a client to see the whole loop without a key. Token counts are estimates, a quarter of the
characters.
"""

import re
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sse_starlette import ServerSentEvent

from gateway.adapters.offline_responses import OfflineAnswer, texts_of
from gateway.memory import prompt
from gateway.memory.model import text_of
from gateway.memory.ports import ModelRequest

MODEL = "offline-recall"

_NO_MODEL = "No language model is connected to this gateway, so I can only repeat what I remember."
_REMEMBERED = f"{_NO_MODEL} Of what you said before, this seems to bear on it:"
_NOTHING = (
    f"{_NO_MODEL} Nothing that you said before seems to bear on this. Tell me something about"
    " yourself, then ask about it in a new conversation."
)
_CONNECT = "To connect a model, set GATEWAY_UPSTREAM_BASE_URL and GATEWAY_UPSTREAM_API_KEY."


@dataclass(frozen=True, slots=True)
class OfflineResponse:
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    chunks: tuple[bytes, ...]

    @property
    def body(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def aclose(self) -> None:
        """Nothing is held open."""


class OfflineModel:
    """A `ChatModel` that answers from the memory block alone."""

    memorable = False

    async def send(self, request: ModelRequest) -> OfflineResponse:
        """Never raises; what it does not know is a 404 in OpenAI's shape."""
        match request.method, request.path.partition("?")[0]:
            case "GET", "models":
                return _json(200, {"object": "list", "data": [_card()]})
            case "GET", path if path == f"models/{MODEL}":
                return _json(200, _card())
            case "POST", path if path in _GENERATES and isinstance(request.body, bytes):
                try:
                    document = orjson.loads(request.body)
                except orjson.JSONDecodeError:
                    return _error(400, "the body is not JSON")
                return _GENERATES[path](document if isinstance(document, dict) else {})
        return _error(404, f"no language model is connected, so there is no /{request.path}")


def _complete(request: dict[str, Any]) -> OfflineResponse:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        return _error(400, "messages must be a list of at least one message", param="messages")
    texts = [text_of(m.get("content")) for m in messages if isinstance(m, dict)]
    answer = _answer(texts)
    usage = _usage(sum(map(len, texts)), len(answer))
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
    if request.get("stream") is True:
        options = request.get("stream_options")
        counted = isinstance(options, dict) and options.get("include_usage") is True
        events = _chunks(head, answer, usage if counted else None)
        encoded = [ServerSentEvent(data=event, sep="\n").encode() for event in events]
        return _stream(encoded)
    message = {"role": "assistant", "content": answer, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _json(200, head | {"object": "chat.completion", "choices": [choice], "usage": usage})


def _respond(request: dict[str, Any]) -> OfflineResponse:
    texts = texts_of(request)
    if texts is None:
        return _error(400, "input must be a text or a list of at least one item", param="input")
    text = _answer(texts)
    usage = _usage(sum(map(len, texts)), len(text))
    answer = OfflineAnswer(request=request, model=MODEL, text=text, usage=usage)
    if request.get("stream") is True:
        return _stream(answer.events())
    return _json(200, answer.document())


_GENERATES = {"chat/completions": _complete, "responses": _respond}


def _answer(texts: Iterable[str]) -> str:
    lines = [line for text in texts for line in prompt.split(text)[0] or prompt.remembered(text)]
    if not lines:
        return f"{_NOTHING}\n\n{_CONNECT}"
    return "\n".join([_REMEMBERED, "", *(f"- {line}" for line in lines), "", _CONNECT])


def _chunks(head: dict[str, Any], answer: str, usage: dict[str, Any] | None) -> Iterator[str]:
    """The answer as chat.completion.chunk events, a word at a time, and [DONE]."""
    common = head | {"object": "chat.completion.chunk"} | ({"usage": None} if usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return orjson.dumps(common | {"choices": [choice]}).decode()

    yield chunk({"role": "assistant", "content": ""})
    for word in re.findall(r"\s*\S+", answer):
        yield chunk({"content": word})
    yield chunk({}, "stop")
    if usage:
        yield orjson.dumps(common | {"choices": [], "usage": usage}).decode()
    yield "[DONE]"


def _usage(asked: int, answered: int) -> dict[str, int]:
    tokens = {"prompt_tokens": -(-asked // 4), "completion_tokens": -(-answered // 4)}
    return tokens | {"total_tokens": sum(tokens.values())}


def _card() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "memory-gateway"}


def _headers(content_type: bytes, length: int | None = None) -> list[tuple[bytes, bytes]]:
    sized = [(b"content-length", str(length).encode())] if length is not None else []
    return [(b"content-type", content_type), *sized]


def _stream(events: Iterable[bytes]) -> OfflineResponse:
    return OfflineResponse(200, _headers(b"text/event-stream; charset=utf-8"), tuple(events))


def _json(status: int, document: dict[str, Any]) -> OfflineResponse:
    body = orjson.dumps(document)
    return OfflineResponse(status, _headers(b"application/json", len(body)), (body,))


def _error(status: int, message: str, *, param: str | None = None) -> OfflineResponse:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return _json(status, {"error": error})
