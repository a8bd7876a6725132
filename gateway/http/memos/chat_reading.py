"""Reads what a model answers to a chat, streamed or not, as pieces of thought and of speech."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any, TypeAlias

import orjson

from gateway.errors import UpstreamBrokenError, UpstreamError
from gateway.http.decoding import Decoder
from gateway.http.headers import get
from gateway.http.memos.chat_refusals import failure, refusal
from gateway.http.tee import EventSplitter
from gateway.memory.model import text_of
from gateway.memory.ports import ModelResponse
from gateway.memory.thinking import Said, Thinking

Counted: TypeAlias = Callable[[dict[str, Any]], None]

WHOLE = 8 * 2**20  # bytes that are read of an answer in one piece
LAST = 2.0  # seconds that a finished stream may stay open before nobody waits for its [DONE]
_OK = 200
_REASONING = ("reasoning_content", "reasoning")  # as servers call what a model thought


async def read(response: ModelResponse, counted: Counted) -> AsyncGenerator[Said]:
    """What the first choice says, as it comes; `counted` is given the usage that is told.

    Raises UpstreamError when the answer breaks off, ApiError when the server gives none.
    """
    headers = [(name.lower(), value) for name, value in response.headers]
    if response.status != _OK:
        raise refusal(response.status, await whole(response), headers)
    streams = get(headers, b"content-type").lower().startswith("text/event-stream")
    thinking = Thinking()
    async with aclosing(_streamed(response) if streams else _only(response)) as documents:
        async for document in documents:
            if isinstance(document.get("usage"), dict):
                counted(document["usage"])
            for said in _pieces(_choice(document), thinking):
                yield said
    for said in thinking.end():
        yield said


async def whole(response: ModelResponse) -> bytes:
    """The body of an answer in one piece, decoded. Raises UpstreamError."""
    body = bytearray()
    async for chunk in response.body:
        body += chunk
        if len(body) > WHOLE:
            raise UpstreamBrokenError("the answer is too long")
    return _decoder(response).feed(bytes(body))


def _decoder(response: ModelResponse) -> Decoder:
    headers = [(name.lower(), value) for name, value in response.headers]
    return Decoder(get(headers, b"content-encoding").lower())


async def _only(response: ModelResponse) -> AsyncGenerator[dict[str, Any]]:
    """The completion that an answer in one piece is."""
    document = _document(await whole(response))
    if document.get("error"):
        raise failure(document["error"])
    if not _choice(document):
        raise UpstreamBrokenError("the answer is no chat completion")
    yield document


async def _streamed(response: ModelResponse) -> AsyncGenerator[dict[str, Any]]:
    """Each event, up to the end: [DONE] or, some time after a finish_reason, nothing more."""
    splitter, decoder, finished = EventSplitter(), _decoder(response), False
    body = response.body
    try:
        while (chunk := await _next(body, LAST if finished else None)) is not None:
            for data, _ in splitter.feed(decoder.feed(chunk)):
                if data == b"[DONE]":
                    return
                document = _document(data)
                if document.get("error"):
                    raise failure(document["error"])
                finished = finished or bool(_choice(document).get("finish_reason"))
                yield document
    except (UpstreamError, TimeoutError):
        if not finished:
            raise
    if not finished:
        raise UpstreamBrokenError("the stream ended without a finish_reason")


async def _next(body: AsyncIterator[bytes], seconds: float | None) -> bytes | None:
    async with asyncio.timeout(seconds):
        return await anext(body, None)


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(document, dict):
        return {}
    return document


def _choice(document: dict[str, Any]) -> dict[str, Any]:
    """The first choice, or nothing."""
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return {}


def _pieces(choice: dict[str, Any], thinking: Thinking) -> Iterator[Said]:
    said = choice.get("delta") or choice.get("message")
    if not isinstance(said, dict):
        return
    thoughts = [said[name] for name in _REASONING if isinstance(said.get(name), str)]
    if thoughts and thoughts[0]:
        yield Said("reasoning", thoughts[0])
    spoken = text_of(said.get("content")) or said.get("refusal")
    if isinstance(spoken, str):
        yield from thinking.feed(spoken)
