"""/get/memory: all that is remembered, page by page."""

from typing import Any

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.items import (
    FACTS,
    PREFERENCES,
    TOOLS,
    EventDetail,
    FactDetail,
    PreferenceDetail,
    ToolDetail,
    event,
    fact,
    is_event,
    preference,
    tool,
)
from gateway.http.memos.profile_items import ProfileDetail, profile_details
from gateway.http.memos.views import Views
from gateway.http.operation import Data, Operation
from gateway.memory.filters import parse
from gateway.memory.model import Kind, Memory
from gateway.memory.ports import Selection


class GetMemory(Views):
    page: int = Field(1, ge=1, le=1_000_000, description="Which page, from 1 on.")
    size: int = Field(10, ge=1, le=50, description="Memories of each list on a page.")
    filter: JsonValue = Field(None, description="Which memories.")


class Page(TypedDict):
    """A page of each list. Events are those among the page's facts; skills are not learned."""

    memory_detail_list: list[FactDetail]
    preference_detail_list: list[PreferenceDetail]
    tool_memory_detail_list: list[ToolDetail]
    event_detail_list: list[EventDetail]
    skill_detail_list: list[dict[str, Any]]
    profile_detail_list: list[ProfileDetail]
    total: int
    size: int
    current: int
    pages: int


async def get_memory(gateway: Gateway, project: str, body: GetMemory) -> Data:
    """A page of what is remembered of a user or an agent, latest said first.

    `total` and `pages` are those of the longest list. What others have shared is not part of it.
    A filter does not concern profiles.
    """
    scope = body.scope(project)
    where = None if body.filter is None else parse(body.filter)
    offset = (body.page - 1) * body.size

    async def page(kinds: frozenset[Kind], *, wanted: bool) -> tuple[list[Memory], int]:
        if not wanted:
            return [], 0
        chosen = Selection(kinds=kinds, where=where)
        return await gateway.store.list_memories(scope, chosen, limit=body.size, offset=offset)

    factual, eventful = body.includes("detail_factual"), body.includes("event")
    facts, of_facts = await page(FACTS, wanted=factual or eventful)
    preferences, of_preferences = await page(PREFERENCES, wanted=body.includes("preference"))
    used, of_tools = await page(TOOLS, wanted=body.includes("tool_memory"))
    profiles = await profile_details(gateway, scope) if body.includes("profile") else []
    total = max(of_facts, of_preferences, of_tools, len(profiles))
    return {
        "memory_detail_list": [fact(memory) for memory in facts if factual],
        "preference_detail_list": [preference(memory) for memory in preferences],
        "tool_memory_detail_list": [tool(memory) for memory in used],
        "event_detail_list": [event(m) for m in facts if eventful and is_event(m)],
        "skill_detail_list": [],
        "profile_detail_list": profiles[offset : offset + body.size],
        "total": total,
        "size": body.size,
        "current": body.page,
        "pages": -(-total // body.size),
    }


OPERATIONS = (Operation(path="get/memory", asked=GetMemory, answer=Page, work=get_memory),)
