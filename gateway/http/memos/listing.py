"""/get/memory: all that is remembered, page by page."""

from typing import Any

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.items import FACTS, PREFERENCES, fact, preference
from gateway.http.memos.reading import Body, Id
from gateway.http.operation import Data, Operation
from gateway.memory.filters import parse
from gateway.memory.model import Kind, Memory, Scope
from gateway.memory.ports import Selection


class GetMemory(Body):
    user_id: Id
    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(10, ge=1, le=50)
    filter: JsonValue = None
    include_preference: bool = True


class Page(TypedDict):
    memory_detail_list: list[dict[str, Any]]
    preference_detail_list: list[dict[str, Any]]
    tool_memory_detail_list: list[dict[str, Any]]
    total: int
    size: int
    current: int
    pages: int


async def get_memory(gateway: Gateway, project: str, body: GetMemory) -> Data:
    """A page of each list, latest said first; the counts are those of the longer list."""
    scope = Scope(project, body.user_id)
    where = None if body.filter is None else parse(body.filter)
    offset = (body.page - 1) * body.size

    async def page(kinds: frozenset[Kind]) -> tuple[list[Memory], int]:
        chosen = Selection(kinds=kinds, where=where)
        return await gateway.store.list_memories(scope, chosen, limit=body.size, offset=offset)

    facts, total = await page(FACTS)
    preferences, total_preferences = await page(PREFERENCES) if body.include_preference else ([], 0)
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


OPERATIONS = (Operation(path="get/memory", asked=GetMemory, answer=Page, work=get_memory),)
