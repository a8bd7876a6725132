"""/v1/memories: what is remembered of a user, listed, searched, one by one, with its history."""

from typing import Any, Literal

import orjson
from pydantic import Field, JsonValue, field_validator
from typing_extensions import TypedDict

from gateway.http.asking import OfUser
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.memories.items import (
    FoundItem,
    HistoryItem,
    MemoryItem,
    found_item,
    history_item,
    memory_item,
)
from gateway.http.memories.pages import Page, Paged, page
from gateway.http.operation import Data, Operation
from gateway.memory.filters import Filter, from_origins, parse
from gateway.memory.model import Kind, Origin, Scope, Status
from gateway.memory.ports import Selection
from gateway.memory.recall import RecallOptions

_ORIGINS = (
    "Where they come from; empty for anywhere: what the user, the assistant or a tool said in a"
    " conversation, or what was written down by hand."
)
KINDS = [Kind.EPISODE, Kind.FACT, Kind.PREFERENCE, Kind.TOOL]


class ListMemories(Paged, OfUser):
    kinds: list[Kind] = Field(KINDS, min_length=1, description="Which kinds of memories.")
    status: list[Status] = Field(
        [Status.ACTIVATED], min_length=1, description="In which states; recall uses activated."
    )
    origins: list[Origin] = Field([], description=_ORIGINS)
    order: Literal["asc", "desc"] = Field("desc", description="By when it was said: latest first.")
    filter: JsonValue = Field(None, description="The filter language; in a query as JSON.")

    @field_validator("filter", mode="before")
    @classmethod
    def _of_query(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ValueError("not valid JSON") from None


class MemoryList(Page):
    data: list[MemoryItem]


async def list_memories(gateway: Gateway, project: str, asked: ListMemories) -> Data:
    """A page of what is remembered of a user. Conversation pieces are `episode`s."""
    scope = Scope(project, asked.user)
    chosen = Selection(
        kinds=frozenset(asked.kinds), statuses=frozenset(asked.status), where=_where(asked)
    )
    offset, limit = asked.offset, asked.limit
    if asked.order == "asc":  # the store lists the latest first
        _, total = await gateway.store.list_memories(scope, chosen, limit=1)
        end = max(0, total - offset)
        offset, limit = max(0, end - limit), min(limit, end)
    memories, total = (
        await gateway.store.list_memories(scope, chosen, limit=limit, offset=offset)
        if limit
        else ([], 0)
    )
    if asked.order == "asc":
        memories.reverse()
    return page([memory_item(memory) for memory in memories if memory.text], total, asked)


class SearchMemories(OfUser):
    query: str = Field(min_length=1, max_length=16_000, description="What is asked about.")
    limit: int = Field(10, ge=1, le=50, description="How many memories at most.")
    kinds: list[Kind] = Field(KINDS, min_length=1, description="Which kinds of memories.")
    relevance: float = Field(0.45, ge=0, le=1, description="The least relevance; 0 for none.")
    conversation_id: str = Field(
        "", max_length=256, description="The conversation that asks; its memories come sooner."
    )
    origins: list[Origin] = Field([], description=_ORIGINS)
    filter: JsonValue = Field(None, description="The filter language.")


class FoundList(TypedDict):
    object: str
    data: list[FoundItem]
    status: str


async def search_memories(gateway: Gateway, project: str, asked: SearchMemories) -> Data:
    """What bears on a query, the most relevant first; `status` says if the search was whole."""
    options = RecallOptions(
        kinds=frozenset(asked.kinds),
        limit=asked.limit,
        floor=asked.relevance,
        where=_where(asked),
        conversation=asked.conversation_id,
    )
    found = await gateway.recaller.search(Scope(project, asked.user), asked.query, options)
    return {
        "object": "list",
        "data": [found_item(ranked.memory, ranked.relevance) for ranked in found.ranked],
        "status": found.status,
    }


class OneMemory(OfUser):
    memory_id: str = Field(min_length=1, max_length=256, description="The memory's id.")


async def get_memory(gateway: Gateway, project: str, asked: OneMemory) -> Data:
    """One memory, whatever its status."""
    memory = await gateway.changer.get(Scope(project, asked.user), asked.memory_id)
    if memory is None:
        raise not_found()
    return {**memory_item(memory)}


async def get_history(gateway: Gateway, project: str, asked: OneMemory) -> Data:
    """What a memory was, what it followed and what followed it.

    `revisions` are what it was before each change by hand, oldest first.
    """
    history = await gateway.changer.history(Scope(project, asked.user), asked.memory_id)
    if history is None:
        raise not_found()
    return {**history_item(history)}


def not_found() -> ApiError:
    return ApiError(404, "there is no such memory", param="memory_id", code="memory_not_found")


def _where(asked: ListMemories | SearchMemories) -> Filter | None:
    where = None if asked.filter is None else parse(asked.filter)
    return from_origins(asked.origins, where) if asked.origins else where


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        method="GET", path="memories", asked=ListMemories, answer=MemoryList, work=list_memories
    ),
    Operation(path="memories/search", asked=SearchMemories, answer=FoundList, work=search_memories),
    Operation(
        method="GET",
        path="memories/{memory_id}",
        asked=OneMemory,
        answer=MemoryItem,
        work=get_memory,
    ),
    Operation(
        method="GET",
        path="memories/{memory_id}/history",
        asked=OneMemory,
        answer=HistoryItem,
        work=get_history,
    ),
)
