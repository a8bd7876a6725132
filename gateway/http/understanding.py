"""The first step of a request with memory: what it says, whose it is, what it wants."""

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.http import splice
from gateway.http.dialect import Dialect
from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders
from gateway.http.options import (
    ChatOptions,
    chat_options,
    conversation_of,
    is_passing,
    user_of,
)
from gateway.http.sizes import Sizes
from gateway.memory import transcript
from gateway.memory.housekeeping import is_housekeeping
from gateway.memory.model import Millis, Scope
from gateway.memory.transcript import Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a request with memory says, and whose it is.

    `messages` are chat-shaped, whatever the dialect. `conversation` is the one
    that it names, `previous` the name of the turn that it says it goes on from, "" where it does
    not say. There is no transcript when no user speaks in it. `tools` are the names of those that
    the model may call.
    """

    scope: Scope
    options: ChatOptions
    messages: list[dict[str, Any]]
    transcript: Transcript | None
    conversation: str
    previous: str
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks of the model's side: which model ("": it names none), and a stream."""

    model: str = ""
    streams: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """`body` is what goes on, parsed as `document`; nothing is said where memory has no part."""

    body: bytes
    document: dict[str, Any]
    said: Said | None = None

    @property
    def asked(self) -> Asked:
        return _asked(self.document)


def asked_in(body: bytes, sizes: Sizes | None = None) -> Asked:
    """What a body asks of the model's side; nothing, where it is no JSON.

    The parser is a good deal faster than a walk over the bytes (`splice`) would be. Raises ApiError
    400 for a body that holds more than `sizes` allow.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Asked()
    if sizes is not None and isinstance(document, dict):
        sizes.check(document)
    return _asked(document)


def _asked(document: object) -> Asked:
    if not isinstance(document, dict):
        return Asked()
    model = document.get("model")
    return Asked(
        model=model if isinstance(model, str) else "", streams=document.get("stream") is True
    )


def understand(
    dialect: Dialect,
    project: str,
    headers: RawHeaders,
    body: bytes,
    *,
    now: Millis,
    sizes: Sizes | None = None,
) -> Understood:
    """Raises ApiError 400 for a body that is not JSON, or holds too much, and for wrong options.

    What is OpenAI's alone is left for the upstream to judge.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise ApiError(400, "the body is not a JSON object")
    if sizes is not None:
        sizes.check(document)
    messages = dialect.messages(document)
    unasked = messages is not None and (is_passing(headers) or is_housekeeping(messages))
    options = chat_options(headers, document, otherwise="off" if unasked else "on")
    if "memory" in document:
        body = splice.remove(body, b"memory")
    if messages is None or options.mode == "off":
        return Understood(body=body, document=document)
    said = Said(
        scope=Scope(project, user_of(headers, document)),
        options=options,
        messages=messages,
        transcript=transcript.read(messages, now=now),
        conversation=conversation_of(headers, document) or dialect.conversation(document),
        previous=dialect.previous(document),
        tools=_tools(document),
    )
    return Understood(body=body, document=document, said=said)


def _tools(document: dict[str, Any]) -> tuple[str, ...]:
    """The names of the tools that a request offers; "" for one of the server's own."""
    offered = document.get("tools") or document.get("functions")
    names = (_tool_name(each) for each in offered) if isinstance(offered, list) else ()
    return tuple(dict.fromkeys(names))


def _tool_name(tool: object) -> str:
    """As chat has it in a member of its own, or as the Responses API has it."""
    if not isinstance(tool, dict):
        return ""
    inner = tool.get("custom" if tool.get("type") == "custom" else "function")
    name = inner.get("name") if isinstance(inner, dict) else tool.get("name")
    return name if isinstance(name, str) else ""
