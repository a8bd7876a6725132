"""The OpenAI endpoints: chat completions with a memory, and the list of models.

A request that wants no memory is passed on as the bytes that it came as. Any other is parsed beside
its bytes, for who speaks, what is asked and what is new; a block of memories is spliced in and
nothing else changes. What memory cannot do never fails the chat.
"""

import time
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import quote

import orjson
import structlog
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.http import splice
from gateway.http.auth import PROJECT
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, upstream_headers
from gateway.http.injection import inject
from gateway.http.limits import read_body
from gateway.http.options import ChatOptions, chat_options, conversation_of, header_mode, user_of
from gateway.http.relay import Relay
from gateway.http.tee import Answer
from gateway.http.tool_loops import ToolLoops
from gateway.memory import prompt, transcript
from gateway.memory.model import Ending, Kind, Scope, Turn, text_of
from gateway.memory.ports import ModelRequest
from gateway.memory.recall import Recall, RecallOptions
from gateway.memory.transcript import Transcript

CHAT_KINDS = frozenset({Kind.EPISODE, Kind.FACT, Kind.PREFERENCE})
_OFF: RawHeaders = ((b"x-memory-status", b"off"), (b"x-memory-count", b"0"))

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat request understood: whose it is, what is new in it, what it wants of memory."""

    scope: Scope
    conversation: str
    turn: str
    tools: bool
    transcript: Transcript
    messages: list[dict[str, Any]]
    options: ChatOptions


class ChatCompletions:
    """`POST /v1/chat/completions` as an ASGI application."""

    def __init__(self, gateway: Gateway, relay: Relay) -> None:
        self._gateway = gateway
        self._relay = relay
        self._tool_loops = ToolLoops()

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        settings = self._gateway.settings
        headers: RawHeaders = http["headers"]
        body = await read_body(
            receive, headers, most=settings.max_body_bytes, timeout=settings.body_timeout
        )
        onward = upstream_headers(headers, keep_authorization=not settings.api_keys)
        if header_mode(headers) == "off" and b'"memory"' not in body:
            await self._relay(_chat_request(onward, body), receive, send, headers=_OFF)
            return
        chat, body = self._understand(http[PROJECT], headers, body)
        if chat is None:
            await self._relay(_chat_request(onward, body), receive, send, headers=_OFF)
            return
        begun = time.perf_counter()
        added: RawHeaders = _OFF
        if chat.options.reads:
            recall = await self._recall(chat)
            body, added = self._inject(chat, recall, body)
        took = time.perf_counter() - begun
        named = quote(chat.conversation, safe=" !#$&'()*+,/:;=?@[]~")
        listener = _Recorder(self._gateway, chat) if chat.options.writes else None
        await self._relay(
            _chat_request(onward, body),
            receive,
            send,
            headers=[*added, (b"x-conversation-id", named.encode())],
            timing=f"recall;dur={took * 1000:.1f}, ",
            listener=listener,
        )

    def _understand(
        self, project: str, headers: RawHeaders, body: bytes
    ) -> tuple[Chat | None, bytes]:
        """The chat, or None when there is nothing for memory to do, and the body to forward.

        Raises ApiError 400 for a body that is not JSON and for options that are not right; what is
        OpenAI's alone is left for the upstream to judge.
        """
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ApiError(400, "the body is not valid JSON") from None
        if not isinstance(document, dict):
            raise ApiError(400, "the body is not a JSON object")
        options = chat_options(headers, document)
        if "memory" in document:
            body = splice.remove(body, b"memory")
        messages = document.get("messages")
        if options.mode == "off" or not _are_messages(messages):
            return None, body
        now = self._gateway.clock()
        read = transcript.read(messages, now=now)
        if read is None:
            return None, body
        scope = Scope(project, user_of(headers, document))
        conversation = conversation_of(headers, document) or transcript.conversation_id(scope, read)
        chat = Chat(
            scope=scope,
            conversation=conversation,
            turn=transcript.turn_id(scope, conversation, read, now=now),
            tools=bool(document.get("tools") or document.get("functions")),
            transcript=read,
            messages=messages,
            options=options,
        )
        return chat, body

    async def _recall(self, chat: Chat) -> Recall:
        if chat.transcript.steps and (known := self._tool_loops.get(chat.turn)):
            return known
        settings, metrics = self._gateway.settings, self._gateway.metrics
        limit = settings.recall_limit if chat.options.limit is None else chat.options.limit
        options = RecallOptions(
            kinds=CHAT_KINDS,
            limit=limit,
            floor=settings.recall_floor,
            token_budget=settings.recall_token_budget,
            where=chat.options.where,
            conversation=chat.conversation,
            present=frozenset(text_of(m.get("content")) for m in chat.messages),
            standing=True,
        )
        with metrics.recall_seconds.time():
            recall = await self._gateway.recaller.within(
                settings.recall_timeout_ms / 1000, chat.scope, chat.transcript.question, options
            )
        metrics.recalls.labels(recall.outcome).inc()
        if chat.tools:
            self._tool_loops.put(chat.turn, recall)
        return recall

    def _inject(self, chat: Chat, recall: Recall, body: bytes) -> tuple[bytes, RawHeaders]:
        """The body with what was recalled in it, and the headers that tell of it."""
        memories = [ranked.memory for ranked in recall.ranked]
        block = prompt.block(memories, recall.standing)
        position = chat.options.position or self._gateway.settings.memory_position
        injected = inject(body, chat.messages, block, position) if block else None
        if injected is None:
            status = recall.status if not block else "empty"
            return body, [(b"x-memory-status", status.encode()), (b"x-memory-count", b"0")]
        told = [f"{r.memory.id};score={r.relevance:.3f}" for r in recall.ranked]
        told += [f"{m.id};standing" for m in recall.standing]
        return injected, [
            (b"x-memory-status", recall.status.encode()),
            (b"x-memory-count", str(len(told)).encode()),
            (b"x-memory-ids", ", ".join(told).encode()),
        ]


class _Recorder:
    """The listener that turns a chat and its answer into a recorded turn."""

    def __init__(self, gateway: Gateway, chat: Chat) -> None:
        self._gateway = gateway
        self._chat = chat
        self.answer = Answer()

    async def record(self, ending: Ending) -> None:
        """Write the turn and queue it; a store that fails is counted and costs the chat nothing."""
        gateway, chat = self._gateway, self._chat
        now = gateway.clock()
        messages = chat.transcript.fresh
        said = self.answer.message() if gateway.model.memorable else None
        if said is not None:
            messages = (*messages, transcript.message(said, now))
        turn = Turn(
            id=chat.turn,
            scope=chat.scope,
            conversation=chat.conversation,
            messages=messages,
            created=now,
            preceding=chat.transcript.preceding,
            labels=chat.options.labels,
            ending=ending,
        )
        try:
            await gateway.learner.record(turn)
        except Exception as error:  # noqa: BLE001  whatever it is, the chat has been answered
            gateway.metrics.unrecorded.inc()
            _log.error("turn not recorded", turn=turn.id, error=type(error).__name__)
            return
        await gateway.queue.enqueue(turn.id)


class Models:
    """`GET /v1/models` and `GET /v1/models/{id}`: the upstream's own answers."""

    def __init__(self, gateway: Gateway, relay: Relay) -> None:
        self._keep_authorization = not gateway.settings.api_keys
        self._relay = relay

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        onward = upstream_headers(http["headers"], keep_authorization=self._keep_authorization)
        path = http["path"].removeprefix("/v1/")
        if {".", ".."} & set(path.split("/")):  # a model's id may hold slashes, but no way out
            raise ApiError(404, "there is no such model", param="model", code="model_not_found")
        request = ModelRequest(method="GET", path=quote(path), headers=onward)
        await self._relay(request, receive, send)


def _chat_request(headers: RawHeaders, body: bytes) -> ModelRequest:
    return ModelRequest(method="POST", path="chat/completions", headers=headers, body=body)


def _are_messages(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(m, dict) for m in value)
