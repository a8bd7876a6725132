"""/search/memory: what bears on a question."""

from typing import Any

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.items import FACTS, PREFERENCES, fact, preference
from gateway.http.memos.reading import Body, Id
from gateway.http.operation import Data, Operation
from gateway.memory.filters import parse
from gateway.memory.model import Kind, Memory, Scope
from gateway.memory.recall import RecallOptions

_PREFERENCE_NOTE = (
    "The facts sum up what was said; the preferences are the user's own wishes and are to be kept."
)


class SearchMemory(Body):
    user_id: Id
    query: str = Field(min_length=1)
    conversation_id: str = Field("", max_length=100)
    filter: JsonValue = None
    memory_limit_number: int = Field(9, ge=0, le=25)
    include_preference: bool = True
    preference_limit_number: int = Field(9, ge=0, le=25)
    relativity: float = Field(0.45, ge=0, le=1)


class Found(TypedDict):
    memory_detail_list: list[dict[str, Any]]
    preference_detail_list: list[dict[str, Any]]
    preference_note: str
    tool_memory_detail_list: list[dict[str, Any]]


async def search_memory(gateway: Gateway, project: str, body: SearchMemory) -> Data:
    """What bears on the query; `relativity` is the least relevance, 0 for none."""
    scope = Scope(project, body.user_id)
    where = None if body.filter is None else parse(body.filter)

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

    facts = await recall(FACTS, body.memory_limit_number) if body.memory_limit_number else []
    wanted = body.preference_limit_number if body.include_preference else 0
    preferences = await recall(PREFERENCES, wanted) if wanted else []
    return {
        "memory_detail_list": [fact(memory, score) for memory, score in facts],
        "preference_detail_list": [preference(memory, score) for memory, score in preferences],
        "preference_note": _PREFERENCE_NOTE if preferences else "",
        "tool_memory_detail_list": [],
    }


OPERATIONS = (
    Operation(path="search/memory", asked=SearchMemory, answer=Found, work=search_memory),
)
