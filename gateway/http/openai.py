"""The OpenAI endpoints that have a memory, in any dialect.

A request that wants no memory is passed on as the bytes that it came as. Any other is parsed beside
its bytes, for who speaks, what is asked and what is new; a block of memories is spliced in and
nothing else changes. What memory cannot do never fails the chat.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.http.auth import PROJECT
from gateway.http.dialect import Dialect
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders, upstream_headers
from gateway.http.limits import read_body
from gateway.http.options import header_mode
from gateway.http.recording import Recorder
from gateway.http.relay import Relay
from gateway.http.tool_loops import ToolLoops
from gateway.http.understanding import Asked, Chat, asked_in, understand
from gateway.memory import prompt
from gateway.memory.model import Kind, text_of
from gateway.memory.ports import ModelRequest
from gateway.memory.recall import Recall, RecallOptions

CHAT_KINDS = frozenset({Kind.EPISODE, Kind.FACT, Kind.PREFERENCE})
_OFF: RawHeaders = ((b"x-memory-status", b"off"), (b"x-memory-count", b"0"))


class WithMemory:
    """The endpoint of one dialect as an ASGI application."""

    def __init__(self, gateway: Gateway, relay: Relay, dialect: Dialect) -> None:
        self._gateway = gateway
        self._relay = relay
        self._dialect = dialect
        self._tool_loops = ToolLoops()

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        gateway, settings = self._gateway, self._gateway.settings
        headers: RawHeaders = http["headers"]
        body = await read_body(
            receive, headers, most=settings.max_body_bytes, timeout=settings.body_timeout
        )
        onward = upstream_headers(headers, keep_authorization=not settings.api_keys)
        if header_mode(headers) == "off" and b'"memory"' not in body:
            asked = asked_in(body)
            request = self._request(onward, body, asked)
            await self._relay(request, receive, send, headers=_OFF, streams=asked.streams)
            return
        understood = understand(self._dialect, http[PROJECT], headers, body, now=gateway.clock())
        chat, body, asked = understood.chat, understood.body, understood.asked
        if chat is None:
            request = self._request(onward, body, asked)
            await self._relay(request, receive, send, headers=_OFF, streams=asked.streams)
            return
        begun = time.perf_counter()
        added: RawHeaders = _OFF
        if chat.options.reads:
            recall = await self._recall(chat)
            body, added = self._inject(chat, recall, body, understood.document)
        took = time.perf_counter() - begun
        named = quote(chat.conversation, safe=" !#$&'()*+,/:;=?@[]~")
        writes = chat.options.writes
        await self._relay(
            self._request(onward, body, asked),
            receive,
            send,
            headers=[*added, (b"x-conversation-id", named.encode())],
            timing=f"recall;dur={took * 1000:.1f}, ",
            listener=Recorder(gateway, chat, self._dialect.answer()) if writes else None,
            streams=asked.streams,
        )

    def _request(self, headers: RawHeaders, body: bytes, asked: Asked) -> ModelRequest:
        return ModelRequest(
            method="POST", path=self._dialect.path, headers=headers, body=body, model=asked.model
        )

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

    def _inject(
        self, chat: Chat, recall: Recall, body: bytes, document: Mapping[str, Any]
    ) -> tuple[bytes, RawHeaders]:
        """The body with what was recalled in it, and the headers that tell of it."""
        memories = [ranked.memory for ranked in recall.ranked]
        block = prompt.block(memories, recall.standing)
        position = chat.options.position or self._gateway.settings.memory_position
        injected = self._dialect.inject(body, document, block, position) if block else None
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
