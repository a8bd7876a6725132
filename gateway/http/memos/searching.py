"""/search/memory: what bears on a question."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from gateway.http.base_ids import SearchedBases
from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
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
from gateway.http.memos.profile_items import ProfileField, profile_fields
from gateway.http.memos.views import Views
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge
from gateway.memory.filters import parse
from gateway.memory.model import Kind, Scope
from gateway.memory.ports import Selection
from gateway.memory.ranking import Ranked
from gateway.memory.recall import RecallOptions
from gateway.memory.tokens import tokens

STATED = frozenset({Kind.FACT})
MOST = 25  # memories of a list
MOST_TOKENS = 40_000  # of a query

_PREFERENCE_NOTE = (
    "The facts sum up what was said; the preferences are the user's own wishes and are to be kept."
)


class SearchMemory(Views):
    query: str = Field(min_length=1, description="The question: up to 40,000 tokens.")
    conversation_id: str = Field(
        "", max_length=100, description="What was said in this conversation comes a little sooner."
    )
    filter: JsonValue = Field(None, description="Which memories may be found.")
    knowledgebase_ids: SearchedBases = Field(default_factory=list)
    memory_limit_number: int = Field(9, ge=0, le=MOST, description="Facts at most.")
    preference_limit_number: int = Field(9, ge=0, le=MOST, description="Preferences at most.")
    tool_memory_limit_number: int = Field(
        6, ge=0, le=MOST, description="Memories of tools at most."
    )
    relativity: float = Field(
        0.45, ge=0, le=1, description="The least relevance of what is found; 0: any."
    )


class Found(TypedDict):
    """What was found, most relevant first. What others prefer is among the facts.

    `preference_note` says how preferences are to be taken, "" where there are none. Events are the
    facts that tell when something happened, up to `memory_limit_number` of them. Of profiles up to
    25 fields that are set are told, whatever the query. Skills are not learned.
    """

    memory_detail_list: list[FactDetail]
    preference_detail_list: list[PreferenceDetail]
    preference_note: str
    tool_memory_detail_list: list[ToolDetail]
    event_detail_list: list[EventDetail]
    skill_detail_list: list[dict[str, Any]]
    profile_detail_list: list[ProfileField]


async def search_memory(gateway: Gateway, project: str, body: SearchMemory) -> Data:
    """What bears on the query, of one's own, of what is public, and in the knowledge bases named.

    The public memory of the project is always searched. Of what the user has shared, only their own
    is found, once.
    """
    if tokens(body.query) > MOST_TOKENS:
        detail = f"query: more than {MOST_TOKENS} tokens"
        raise Code.INPUT_TOO_LONG.error(detail, param="query")
    scope = body.scope(project)
    where = None if body.filter is None else parse(body.filter)
    bases = await knowledge.resolve(gateway.registry, project, body.knowledgebase_ids)

    async def recall(
        kinds: frozenset[Kind], limit: int, *, of_others: frozenset[Kind]
    ) -> Sequence[Ranked]:
        if not limit:
            return ()
        options = RecallOptions(
            kinds=kinds,
            of_others=of_others,
            limit=limit,
            floor=body.relativity,
            where=where,
            conversation=body.conversation_id,
            also=bases,
        )
        return (await gateway.recaller.search(scope, body.query, options)).ranked

    most = body.memory_limit_number if body.includes("detail_factual") else 0
    facts = await recall(FACTS, most, of_others=FACTS | PREFERENCES)
    used_tools = body.includes("tool_memory") and await _any(gateway, scope, TOOLS)
    # By now the query's vector is known, so the others may go at once.
    preferences, used, stated = await asyncio.gather(
        recall(
            PREFERENCES,
            body.preference_limit_number if body.includes("preference") else 0,
            of_others=frozenset(),
        ),
        recall(
            TOOLS,
            body.tool_memory_limit_number if used_tools else 0,
            of_others=frozenset(),
        ),
        # Among the facts, a brief message stands for what it states.
        recall(STATED, MOST if body.includes("event") else 0, of_others=STATED),
    )
    events = [each for each in stated if is_event(each.memory)][: body.memory_limit_number]
    profile = await profile_fields(gateway, scope) if body.includes("profile") else []
    return {
        "memory_detail_list": [fact(r.memory, r.relevance) for r in facts],
        "preference_detail_list": [preference(r.memory, r.relevance) for r in preferences],
        "preference_note": _PREFERENCE_NOTE if preferences else "",
        "tool_memory_detail_list": [tool(r.memory, r.relevance) for r in used],
        "event_detail_list": [event(r.memory, r.relevance) for r in events],
        "skill_detail_list": [],
        "profile_detail_list": profile[:MOST],
    }


async def _any(gateway: Gateway, scope: Scope, kinds: frozenset[Kind]) -> bool:
    """Whether there is any such memory: most users have none of tools, and a search costs more."""
    found, _ = await gateway.store.list_memories(scope, Selection(kinds=kinds), limit=1)
    return bool(found)


OPERATIONS = (
    Operation(path="search/memory", asked=SearchMemory, answer=Found, work=search_memory),
)
