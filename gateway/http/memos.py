"""The MemOS Cloud API's endpoints to add, search and list memories, at /api/openmem/v1."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import orjson
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.errors import EmbeddingError, ExtractionBusyError, StoreError
from gateway.http.access import MEMOS_PREFIX, respond
from gateway.http.auth import PROJECT
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.limits import read_body
from gateway.http.memos_models import (
    AddMessage,
    BodyType,
    GetMemory,
    SearchMemory,
    fact,
    parse_body,
    preference,
)
from gateway.memory.filters import Filter, parse
from gateway.memory.model import Kind, Labels, Memory, Scope, Turn, identifier
from gateway.memory.ports import Selection
from gateway.memory.prompt import day
from gateway.memory.recall import RecallOptions
from gateway.memory.turn_log import Recorded

_FACTS = frozenset({Kind.EPISODE, Kind.FACT})
_PREFERENCES = frozenset({Kind.PREFERENCE})
_PREFERENCE_NOTE = (
    "The facts sum up what was said; the preferences are the user's own wishes and are to be kept."
)

Data: TypeAlias = dict[str, Any]


def routes(gateway: Gateway) -> list[Route]:
    def route(path: str, endpoint: Callable[..., Awaitable[None]]) -> Route:
        return Route(f"{MEMOS_PREFIX}v1/{path}", endpoint, methods=["POST"])

    return [
        route("add/message", Endpoint(gateway, AddMessage, add_message)),
        route("search/memory", Endpoint(gateway, SearchMemory, search_memory)),
        route("get/memory", Endpoint(gateway, GetMemory, get_memory)),
    ]


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[BodyType]):
    """Reads a body, hands it to `work` with the caller's project, and sends MemOS's envelope."""

    gateway: Gateway
    model: type[BodyType]
    work: Callable[[Gateway, str, BodyType], Awaitable[Data]]

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        settings = self.gateway.settings
        raw = await read_body(
            receive, http["headers"], most=settings.max_body_bytes, timeout=settings.body_timeout
        )
        body = parse_body(self.model, raw)
        try:
            data = await self.work(self.gateway, http[PROJECT], body)
        except (StoreError, EmbeddingError):
            raise ApiError(503, "the memory service is unavailable", code="50004") from None
        await respond(send, 200, orjson.dumps({"code": 0, "data": data, "message": "ok"}))


async def add_message(gateway: Gateway, project: str, body: AddMessage) -> Data:
    """Record the messages as one turn; unless `async_mode`, learn it before answering.

    A turn that only the spool could take is learned later, whatever the mode; so is what a model
    would add that cannot be reached.

    The same messages added again are the same turn, and change nothing.
    """
    now = gateway.clock()
    scope = Scope(project, body.user_id)
    messages = tuple(message.message(now) for message in body.messages)
    said = orjson.dumps([m.model_dump(mode="json") for m in body.messages]).decode()
    dated = all(message.chat_time is not None for message in body.messages)
    when = "" if dated else day(now)
    conversation = body.conversation_id or identifier("conversation", project, body.user_id, said)
    before = await gateway.store.get_turns(scope, conversation, 1)
    turn = Turn(
        id=identifier("added", project, body.user_id, conversation, said, when),
        scope=scope,
        conversation=conversation,
        messages=messages,
        created=now,
        preceding=before[-1].messages[-1].text if before else "",
        labels=Labels(
            agent_id=body.agent_id, app_id=body.app_id, tags=tuple(body.tags), info=body.info
        ),
    )
    recorded = await gateway.turn_log.record(turn, queued=body.async_mode)
    if recorded is Recorded.LOST:
        raise StoreError("the turn could not be kept")
    at_once = recorded is Recorded.STORED and not body.async_mode
    if at_once:
        try:
            await gateway.learner.learn(turn.id)
        except ExtractionBusyError:  # by the rules it is learned; the model is asked again later
            at_once = False
    status = "completed" if at_once else "running"
    return {"success": True, "task_id": turn.id, "status": status}


async def search_memory(gateway: Gateway, project: str, body: SearchMemory) -> Data:
    """What bears on the query; `relativity` is the least relevance, 0 for none."""
    scope = Scope(project, body.user_id)
    where = _filter(body.filter)

    async def recall(kinds: frozenset[Kind], limit: int) -> list[tuple[Memory, float]]:
        options = RecallOptions(
            kinds=kinds,
            limit=limit,
            floor=body.relativity,
            where=where,
            conversation=body.conversation_id,
        )
        found = await gateway.recaller.search(scope, body.query, options)
        return [(ranked.memory, ranked.relevance) for ranked in found.ranked]

    facts = await recall(_FACTS, body.memory_limit_number) if body.memory_limit_number else []
    wanted = body.preference_limit_number if body.include_preference else 0
    preferences = await recall(_PREFERENCES, wanted) if wanted else []
    return {
        "memory_detail_list": [fact(memory, score) for memory, score in facts],
        "preference_detail_list": [preference(memory, score) for memory, score in preferences],
        "preference_note": _PREFERENCE_NOTE if preferences else "",
        "tool_memory_detail_list": [],
    }


async def get_memory(gateway: Gateway, project: str, body: GetMemory) -> Data:
    """A page of each list, latest said first; the counts are those of the longer list."""
    scope = Scope(project, body.user_id)
    where = _filter(body.filter)
    offset = (body.page - 1) * body.size

    async def page(kinds: frozenset[Kind]) -> tuple[list[Memory], int]:
        chosen = Selection(kinds=kinds, where=where)
        return await gateway.store.list_memories(scope, chosen, limit=body.size, offset=offset)

    facts, total = await page(_FACTS)
    preferences, total_preferences = (
        await page(_PREFERENCES) if body.include_preference else ([], 0)
    )
    total = max(total, total_preferences)
    return {
        "memory_detail_list": [fact(memory) for memory in facts],
        "preference_detail_list": [preference(memory) for memory in preferences],
        "tool_memory_detail_list": [],
        "total": total,
        "size": body.size,
        "current": body.page,
        "pages": -(-total // body.size),
    }


def _filter(expression: object) -> Filter | None:
    return None if expression is None else parse(expression)
