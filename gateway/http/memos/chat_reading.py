"""Reads what a model answers to a chat, streamed or not, as pieces of thought and of speech."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import orjson

from gateway.errors import UpstreamBrokenError, UpstreamError
from gateway.http.decoding import Decoder
from gateway.http.headers import get
from gateway.http.memos.chat_refusals import failure, refusal
from gateway.http.tee import EventSplitter
from gateway.memory.model import text_of
from gateway.memory.ports import ModelResponse
from gateway.memory.thinking import Said, Thinking

WHOLE = 8 * 2**20  # bytes that are read of an answer in one piece
_OK = 200
_REASONING = ("reasoning_content", "reasoning")  # as servers call what a model thought


async def read(response: ModelResponse) -> AsyncGenerator[Said]:
    """What the first choice says, as it comes.

    Raises UpstreamError when the answer breaks off, ApiError when the server gives none.
    """
    headers = [(name.lower(), value) for name, value in response.headers]
    if response.status != _OK:
        raise refusal(response.status, await whole(response), headers)
    thinking = Thinking()
    if get(headers, b"content-type").lower().startswith("text/event-stream"):
        async with aclosing(_streamed(response)) as choices:
            async for choice in choices:
                for said in _pieces(choice.get("delta"), thinking):
                    yield said
    else:
        only = _choice(_document(await whole(response)))
        if only is None:
            raise UpstreamBrokenError("the answer is no chat completion")
        for said in _pieces(only.get("message"), thinking):
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


async def _streamed(response: ModelResponse) -> AsyncGenerator[dict[str, Any]]:
    """The first choice of each event, up to the end."""
    splitter, decoder, finished = EventSplitter(), _decoder(response), False
    try:
        async for chunk in response.body:
            for data, _ in splitter.feed(decoder.feed(chunk)):
                if data == b"[DONE]":
                    return
                document = _document(data)
                if document.get("error"):
                    raise failure(document["error"])
                if (choice := _choice(document)) is not None:
                    finished = finished or bool(choice.get("finish_reason"))
                    yield choice
    except UpstreamError:
        if not finished:
            raise
    if not finished:
        raise UpstreamBrokenError("the stream ended without a finish_reason")


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(document, dict):
        return {}
    return document


def _choice(document: dict[str, Any]) -> dict[str, Any] | None:
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return None


def _pieces(said: object, thinking: Thinking) -> Iterator[Said]:
    if not isinstance(said, dict):
        return
    thoughts = [said[name] for name in _REASONING if isinstance(said.get(name), str)]
    if thoughts and thoughts[0]:
        yield Said("reasoning", thoughts[0])
    spoken = text_of(said.get("content")) or said.get("refusal")
    if isinstance(spoken, str):
        yield from thinking.feed(spoken)
