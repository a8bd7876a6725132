"""/get/memory/{memory_id}, /update/memory, /delete/memory: one seen, changed, and no longer."""

from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body, Id
from gateway.http.memos.views import VIEWS
from gateway.http.operation import Data, Operation
from gateway.memory.decisions import LONGEST, Change, is_emptied
from gateway.memory.model import Holder, Memory, Scope, Status
from gateway.memory.redaction import redact

MemoryId = Annotated[str, Field(min_length=1, max_length=200)]


class GetOneMemory(Body):
    memory_id: MemoryId = Field(description="The id of the memory.")


class OneMemory(TypedDict):
    id: str
    memory_view: str
    title: str
    content: str
    conversation_id: str
    message_ids: list[str]
    status: str
    algorithm_updatable: bool
    created_at: int
    updated_at: int
    user_id: str | None
    agent_id: str | None
    tags: list[str]
    info: dict[str, Any]


async def get_one_memory(gateway: Gateway, project: str, body: GetOneMemory) -> Data:
    """One memory of the project, whatever its status, by its id."""
    memory = await _find(gateway, project, body.memory_id)
    if memory is None:
        raise Code.NOT_FOUND.error("there is no such memory", param="memory_id")
    whose = memory.scope
    return {
        "id": memory.id,
        "memory_view": VIEWS[memory.kind],
        "title": memory.title,
        "content": memory.text,
        "conversation_id": memory.conversation,
        "message_ids": list(dict.fromkeys(s.turn for s in memory.sources if s.turn)),
        "status": memory.status.value,
        "algorithm_updatable": not memory.revisions,
        "created_at": memory.created,
        "updated_at": memory.updated,
        "user_id": whose.user if whose.holder is Holder.USER else None,
        "agent_id": whose.user if whose.holder is Holder.AGENT else memory.labels.agent_id or None,
        "tags": list(memory.labels.tags),
        "info": dict(memory.labels.info),
    }


class UpdateMemory(Body):
    memory_id: MemoryId = Field(description="The id of the memory to change.")
    content: str | None = Field(
        None, min_length=1, max_length=LONGEST, description="What the memory is to say."
    )
    title: str | None = Field(None, max_length=200, description="A title for it.")
    status: Literal["activated", "resolving", "archived", "deleted"] | None = Field(
        None, description="Only what is activated is recalled; every status can be undone."
    )


class Done(TypedDict):
    success: bool


async def update_memory(gateway: Gateway, project: str, body: UpdateMemory) -> Data:
    """Change what a memory says, its title or its status; what it was stays in its history."""
    if body.content is None and body.title is None and body.status is None:
        raise Code.EMPTY.error("one of content, title, status is needed")
    memory = await _find(gateway, project, body.memory_id)
    change = Change(
        text=None if body.content is None else redact(body.content),
        title=None if body.title is None else redact(body.title),
        status=None if body.status is None else Status(body.status),
    )
    if memory is None or not await gateway.changer.change(memory.scope, memory.id, change):
        _no_such_memory("memory_id")
    return {"success": True}


class DeleteMemory(Body):
    memory_ids: list[MemoryId] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="The memories to delete: all of them, or none if one does not exist.",
    )
    user_id: Id | None = Field(None, description="The user of whom everything is deleted.")
    agent_id: Id | None = Field(None, description="The agent of whom everything is deleted.")
    conversation_id: JsonValue = Field(None, description="Not supported: refused when given.")
    knowledgebase_id: JsonValue = Field(None, description="Not supported: refused when given.")
    filter: JsonValue = Field(None, description="Not supported: refused when given.")
    memory_type: JsonValue = Field(None, description="Not supported: refused when given.")


async def delete_memory(gateway: Gateway, project: str, body: DeleteMemory) -> Data:
    """Delete memories for good, by their ids, or everything of a user or of an agent.

    Exactly one of `memory_ids`, `user_id` and `agent_id` is given. A narrowing that is not
    supported is refused, for without it more would be deleted than was asked for.
    """
    for narrower in ("conversation_id", "knowledgebase_id", "filter", "memory_type"):
        if getattr(body, narrower) is not None:
            raise Code.INVALID.error(f"{narrower} is not supported here", param=narrower)
    given = [each for each in (body.memory_ids, body.user_id, body.agent_id) if each is not None]
    if len(given) != 1:
        wrong = Code.INVALID if given else Code.EMPTY
        raise wrong.error("exactly one of memory_ids, user_id, agent_id is needed")
    if body.memory_ids is not None:
        await _delete(gateway, project, body.memory_ids)
    elif body.user_id is not None:
        await _erase(gateway, Scope(project, body.user_id), "user")
    elif body.agent_id is not None:
        await _erase(gateway, Scope(project, body.agent_id, Holder.AGENT), "agent")
    return {"success": True}


async def _delete(gateway: Gateway, project: str, ids: list[str]) -> None:
    found = await gateway.store.find_memories(project, ids)
    there = [memory for memory in found if not is_emptied(memory)]
    if {*ids} - {memory.id for memory in there}:
        _no_such_memory("memory_ids")
    for scope in dict.fromkeys(memory.scope for memory in there):
        await gateway.changer.delete(scope, [m.id for m in there if m.scope == scope])


async def _erase(gateway: Gateway, scope: Scope, what: str) -> None:
    receipt = await gateway.eraser.erase(scope)
    if not receipt.total:
        raise Code.USER_NOT_FOUND.error(f"there is no such {what}", param=f"{what}_id")


async def _find(gateway: Gateway, project: str, memory_id: str) -> Memory | None:
    found = await gateway.store.find_memories(project, [memory_id])
    return next((memory for memory in found if not is_emptied(memory)), None)


def _no_such_memory(param: str) -> NoReturn:
    raise Code.MEMORY_NOT_FOUND.error(param=param)


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        method="GET",
        path="get/memory/{memory_id}",
        asked=GetOneMemory,
        answer=OneMemory,
        work=get_one_memory,
    ),
    Operation(path="update/memory", asked=UpdateMemory, answer=Done, work=update_memory),
    Operation(path="delete/memory", asked=DeleteMemory, answer=Done, work=delete_memory),
)
