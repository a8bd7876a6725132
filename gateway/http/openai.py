"""The OpenAI endpoints that have a memory, in any dialect.

A request that wants no memory is passed on as the bytes that it came as. Any other is parsed beside
its bytes, for who speaks, what is asked and what is new; a block of memories is spliced in and
nothing else changes. What memory cannot do never fails the chat.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.errors import StoreError
from gateway.http.address import with_query
from gateway.http.auth import KEY, PROJECT
from gateway.http.conversation import Chat, place
from gateway.http.dialect import Dialect
from gateway.http.gateway import Gateway
from gateway.http.grants import permitted
from gateway.http.headers import RawHeaders, upstream_headers
from gateway.http.limits import read_body
from gateway.http.options import header_mode
from gateway.http.recording import Recorder
from gateway.http.relay import Relay
from gateway.http.sizes import Sizes
from gateway.http.tool_loops import ToolLoops
from gateway.http.understanding import Asked, Said, asked_in, understand
from gateway.memory import knowledge, prompt
from gateway.memory.model import Kind, Scope
from gateway.memory.ports import ModelRequest
from gateway.memory.recall import Recall, RecallOptions

CHAT_KINDS = frozenset({Kind.EPISODE, Kind.FACT, Kind.PREFERENCE, Kind.DOCUMENT})
_EMPTY: RawHeaders = ((b"x-memory-status", b"empty"), (b"x-memory-count", b"0"))
_OFF: RawHeaders = ((b"x-memory-status", b"off"), (b"x-memory-count", b"0"))


class WithMemory:
    """The endpoint of one dialect as an ASGI application."""

    def __init__(self, gateway: Gateway, relay: Relay, dialect: Dialect) -> None:
        self._gateway = gateway
        self._relay = relay
        self._dialect = dialect
        self._tool_loops = ToolLoops()
        self._sizes = Sizes.of(gateway.settings)

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        gateway, settings = self._gateway, self._gateway.settings
        headers: RawHeaders = http["headers"]
        body = await read_body(
            receive, headers, most=settings.max_body_bytes, timeout=settings.body_timeout
        )
        onward = upstream_headers(headers)
        onward = [pair for pair in onward if pair[0] != b"content-encoding"]  # it is decoded
        path = with_query(self._dialect.path, http)
        answer = self._dialect.answer()
        off = partial(self._relay, headers=_OFF, error_event=answer.error_event)
        if header_mode(headers) == "off" and b'"memory"' not in body:
            asked = asked_in(body, self._sizes)
            await off(_request(path, onward, body, asked), receive, send, streams=asked.streams)
            return
        understood = understand(
            self._dialect,
            http[PROJECT],
            headers,
            body,
            now=gateway.clock(),
            sizes=self._sizes,
        )
        body, asked = understood.body, understood.asked
        begun = time.perf_counter()
        said = None if understood.said is None else permitted(understood.said, http[KEY])
        chat = None if said is None else await self._place(said)
        if chat is None:
            await off(_request(path, onward, body, asked), receive, send, streams=asked.streams)
            return
        bases = await self._bases(chat)
        added: RawHeaders = _OFF
        if chat.options.reads and chat.continued:
            added = _EMPTY
        elif chat.options.reads:
            recall = await self._recall(chat, bases, time.perf_counter() - begun)
            body, added = self._inject(chat, recall, body, understood.document)
        took = time.perf_counter() - begun
        named = quote(chat.conversation, safe=" !#$&'()*+,/:;=?@[]~")
        await self._relay(
            _request(path, onward, body, asked),
            receive,
            send,
            headers=[*added, (b"x-conversation-id", named.encode())],
            timing=f"recall;dur={took * 1000:.1f}, ",
            listener=Recorder(gateway, chat, answer) if chat.options.writes else None,
            streams=asked.streams,
            error_event=answer.error_event,
        )

    async def _place(self, said: Said) -> Chat | None:
        """The chat in its conversation, which is looked up in a part of the time for recall."""
        seconds = self._gateway.settings.recall_timeout_ms / 1000
        return await place(self._gateway.store, said, seconds=seconds, now=self._gateway.clock())

    async def _bases(self, chat: Chat) -> tuple[Scope, ...]:
        """The knowledge bases to search, looked up in the time that recall has; none, if in vain.

        Raises NoSuchKnowledgeBaseError for one to search or to write to that is not the project's.
        """
        options, project = chat.options, chat.scope.project
        if not (options.searched or options.written):
            return ()
        try:
            async with asyncio.timeout(self._gateway.settings.recall_timeout_ms / 1000):
                await knowledge.named(self._gateway.registry, project, options.written)
                return await knowledge.resolve(self._gateway.registry, project, options.searched)
        except (StoreError, TimeoutError):
            return ()

    async def _recall(self, chat: Chat, bases: tuple[Scope, ...], spent: float) -> Recall:
        """What is remembered, or known from an earlier step; `spent` seconds are gone already."""
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
            present=chat.present,
            standing=True,
            tools=chat.tools,
            also=bases,
        )
        with metrics.recall_seconds.time():
            recall = await self._gateway.recaller.within(
                settings.recall_timeout_ms / 1000 - spent,
                chat.scope,
                chat.transcript.question,
                options,
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
        block = prompt.block(memories, recall.standing, recall.tools)
        position = chat.options.position or self._gateway.settings.memory_position
        injected = self._dialect.inject(body, document, block, position) if block else None
        if injected is None:
            status = recall.status if not block else "empty"
            return body, [(b"x-memory-status", status.encode()), (b"x-memory-count", b"0")]
        told = [f"{r.memory.id};score={r.relevance:.3f}" for r in recall.ranked]
        told += [f"{m.id};standing" for m in recall.standing]
        told += [f"{m.id};tool" for m in recall.tools]
        return injected, [
            (b"x-memory-status", recall.status.encode()),
            (b"x-memory-count", str(len(told)).encode()),
            (b"x-memory-ids", ", ".join(told).encode()),
        ]


def _request(path: str, headers: RawHeaders, body: bytes, asked: Asked) -> ModelRequest:
    return ModelRequest(method="POST", path=path, headers=headers, body=body, model=asked.model)
