"""/v1/memories: a memory written by hand, changed, deleted, and its last change undone."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from gateway.http.asking import OfUser
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.memories.items import Deleted, MemoryItem, memory_item
from gateway.http.memories.reading import OneMemory, not_found
from gateway.http.operation import Data, Operation
from gateway.memory.decisions import LONGEST, Change
from gateway.memory.model import Kind, Labels, Scope, Status
from gateway.memory.redaction import redact

_TAGS = "Labels to filter by."
_INFO = "Values to filter by, by their names."


class CreateMemory(OfUser):
    content: str = Field(
        min_length=1, max_length=LONGEST, description="What to remember, in the user's words."
    )
    kind: Literal["fact", "preference"] | None = Field(
        None, description="What it is; left out, it is read from the content."
    )
    conversation_id: str = Field("", max_length=256, description="Where it belongs, if anywhere.")
    agent_id: str = Field("", max_length=256, description="The agent that it is labelled with.")
    app_id: str = Field("", max_length=256, description="The app that it is labelled with.")
    tags: list[str] = Field(default_factory=list, max_length=64, description=_TAGS)
    info: dict[str, JsonValue] = Field(default_factory=dict, max_length=64, description=_INFO)


async def create_memory(gateway: Gateway, project: str, asked: CreateMemory) -> Data:
    """Remember something at once, as if the user had just said it.

    What it contradicts is superseded by it, and what is remembered already is only reinforced.
    """
    memory = await gateway.changer.add(
        Scope(project, asked.user),
        redact(asked.content),
        gateway.learner.consolidator.state,
        kind=None if asked.kind is None else Kind(asked.kind),
        conversation=asked.conversation_id,
        labels=Labels(
            agent_id=asked.agent_id, app_id=asked.app_id, tags=tuple(asked.tags), info=asked.info
        ),
    )
    return {**memory_item(memory)}


class PatchMemory(OneMemory):
    content: str | None = Field(
        None, min_length=1, max_length=LONGEST, description="What it is to say."
    )
    title: str | None = Field(None, max_length=200, description="A title for it.")
    status: Literal["activated", "resolving", "archived", "deleted"] | None = Field(
        None, description="Only what is activated is recalled."
    )
    tags: list[str] | None = Field(None, max_length=64, description=_TAGS)
    info: dict[str, JsonValue] | None = Field(None, max_length=64, description=_INFO)


async def patch_memory(gateway: Gateway, project: str, asked: PatchMemory) -> Data:
    """Change what is given and leave the rest; the last to change it holds.

    What it was before is kept in its history, and can be had back with undo.
    """
    change = Change(
        text=None if asked.content is None else redact(asked.content),
        title=None if asked.title is None else redact(asked.title),
        status=None if asked.status is None else Status(asked.status),
        tags=None if asked.tags is None else tuple(asked.tags),
        info=asked.info,
    )
    if change == Change():
        raise ApiError(400, "nothing to change: give content, title, status, tags or info")
    scope = Scope(project, asked.user)
    memory = await gateway.changer.change(scope, asked.memory_id, change)
    if memory is None:
        raise not_found()
    return {**memory_item(memory)}


async def delete_memory(gateway: Gateway, project: str, asked: OneMemory) -> Data:
    """Delete a memory for good, and what is searched of the conversation that says the same.

    The message that it came from stays in the record of its conversation.
    """
    if not await gateway.changer.delete(Scope(project, asked.user), [asked.memory_id]):
        raise not_found()
    return {"id": asked.memory_id, "object": "memory.deleted", "deleted": True}


async def undo_change(gateway: Gateway, project: str, asked: OneMemory) -> Data:
    """Take back the last change of a memory: one by hand, or that a later statement superseded it.

    An undo can be undone like any other change.
    """
    scope = Scope(project, asked.user)
    if await gateway.changer.get(scope, asked.memory_id) is None:
        raise not_found()
    memory = await gateway.changer.undo(scope, asked.memory_id)
    if memory is None:
        raise ApiError(409, "there is nothing to undo", code="nothing_to_undo")
    return {**memory_item(memory)}


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="memories", asked=CreateMemory, answer=MemoryItem, work=create_memory),
    Operation(
        method="PATCH",
        path="memories/{memory_id}",
        asked=PatchMemory,
        answer=MemoryItem,
        work=patch_memory,
    ),
    Operation(
        method="DELETE",
        path="memories/{memory_id}",
        asked=OneMemory,
        answer=Deleted,
        work=delete_memory,
    ),
    Operation(
        path="memories/{memory_id}/undo", asked=OneMemory, answer=MemoryItem, work=undo_change
    ),
)
