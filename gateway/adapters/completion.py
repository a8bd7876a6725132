"""A chat model as an `Extractor`: one chat completion that is to keep to a JSON schema.

A server that refuses `response_format` is asked without it from then on; the instructions say what
the answer looks like as well. Nothing else that some server may refuse is sent.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.adapters.retries import asked_to_wait
from gateway.errors import ExtractionBusyError, ExtractionError, NoSuchModelError, UpstreamError
from gateway.memory.ports import ChatModel, ModelRequest, ModelResponse
from gateway.metrics import Metrics

LONGEST_ANSWER = 2**20  # bytes

_OK = 200
_UNKNOWN_FIELD = frozenset({400, 404, 415, 422, 501})  # what servers say to a `response_format`
_LATER = frozenset({408, 409, 425, 429})
_SERVER_SIDE = 500
_MOST_TOKENS = 10**9  # that a server may count for one answer
_HEADERS = ((b"content-type", b"application/json"), (b"accept", b"application/json"))


class CompletionExtractor:
    """Asks `name` of `model`, about as many turns at once as `concurrency` says.

    `seconds` are for one answer, from its being asked for to its end.
    """

    def __init__(
        self,
        model: ChatModel,
        name: str,
        metrics: Metrics,
        *,
        seconds: float = 60.0,
        concurrency: int = 4,
    ) -> None:
        self._model = model
        self._name = name
        self._metrics = metrics
        self._seconds = seconds
        self._slots = asyncio.Semaphore(concurrency)
        self._plain = False  # the server does not know `response_format`

    async def complete(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]
    ) -> str:
        """See `Extractor`. Its errors name what went wrong and nothing of what was said."""
        body: dict[str, Any] = {"model": self._name, "messages": messages}
        wanted = {"name": "memories", "strict": True, "schema": schema}
        form = {"response_format": {"type": "json_schema", "json_schema": wanted}}
        async with self._slots:
            status, answer = await self._ask(body if self._plain else body | form)
            if not self._plain and status in _UNKNOWN_FIELD:
                status, answer = await self._ask(body)
                self._plain = status == _OK
        if status != _OK:
            raise ExtractionError(f"status {status}")
        return self._said(answer)

    async def _ask(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Status and body of one request. Raises ExtractionBusyError where it may be repeated."""
        request = ModelRequest(
            method="POST",
            path="chat/completions",
            headers=_HEADERS,
            body=orjson.dumps(body),
            model=self._name,
        )
        try:
            with self._metrics.extraction_seconds.time():
                async with asyncio.timeout(self._seconds):
                    return await self._exchange(request)
        except NoSuchModelError as error:
            raise ExtractionError("no upstream serves it") from error
        except (UpstreamError, TimeoutError) as error:
            raise ExtractionBusyError(type(error).__name__) from error

    async def _exchange(self, request: ModelRequest) -> tuple[int, bytes]:
        response = await self._model.send(request)
        try:
            if response.status in _LATER or response.status >= _SERVER_SIDE:
                wait = asked_to_wait(response.headers)
                raise ExtractionBusyError(f"status {response.status}", wait=wait or 0.0)
            return response.status, await _read(response)
        finally:
            await response.aclose()

    def _said(self, answer: bytes) -> str:
        """The text of a completion, whose tokens are counted."""
        try:
            document = orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise ExtractionBusyError("the answer is not JSON") from None
        usage = _member(document, "usage")
        for direction, name in (("in", "prompt_tokens"), ("out", "completion_tokens")):
            count = _member(usage, name)
            if isinstance(count, int) and 0 <= count <= _MOST_TOKENS:
                self._metrics.extraction_tokens.labels(direction).inc(count)
        choices = _member(document, "choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = _member(choice, "message")
        if _member(message, "refusal") or _member(choice, "finish_reason") == "content_filter":
            raise ExtractionError("refusal")
        if not isinstance(message, dict):
            raise ExtractionBusyError("the answer is no chat completion")
        return _text(message.get("content"))


async def _read(response: ModelResponse) -> bytes:
    """The body, as far as it may be long; what goes on beyond that cannot be read anyway."""
    content = bytearray()
    async for chunk in response.body:
        content += chunk
        if len(content) > LONGEST_ANSWER:
            raise ExtractionError("the answer is too long")
    return bytes(content)


def _member(document: object, name: str) -> Any:  # noqa: ANN401  a server's JSON may be anything
    return document.get(name) if isinstance(document, dict) else None


def _text(content: object) -> str:
    """The content of a message: a text, or parts with texts."""
    if isinstance(content, list):
        texts = [_member(part, "text") for part in content]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""
