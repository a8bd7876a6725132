"""/get/status: how far the learning of a turn is, and what came of it."""

from typing import Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body
from gateway.http.operation import Data, Operation
from gateway.memory.model import Kind, Memory, Status, Turn, TurnState
from gateway.memory.ports import Selection

MOST = 500  # memories of one turn that are named
_STATES = {
    TurnState.PENDING: "running",
    TurnState.LEARNED: "completed",
    TurnState.PARKED: "failed",
}
_VIEWS = {
    Kind.EPISODE: "detail_factual",
    Kind.FACT: "detail_factual",
    Kind.DOCUMENT: "detail_factual",
    Kind.PREFERENCE: "preference",
    Kind.TOOL: "tool_memory",
}


class GetStatus(Body):
    """Which task."""

    task_id: str = Field(min_length=1, max_length=100, description="As it was answered.")


class View(TypedDict):
    memory_ids: list[str]


class MemoryViews(TypedDict):
    """How many memories came to be, were changed and were ended.

    Of a kind, the ids of those that came to be or were changed; a kind without any is absent.
    """

    added: int
    updated: int
    deleted: int
    detail_factual: NotRequired[View]
    preference: NotRequired[View]
    tool_memory: NotRequired[View]


class TaskStatus(TypedDict):
    """`status` is running, completed or failed; the views are there once it is completed."""

    task_id: str
    status: str
    memory_views: NotRequired[MemoryViews]


async def get_status(gateway: Gateway, project: str, body: GetStatus) -> Data:
    """The state of a task, which is the learning of one turn.

    A memory is updated that was known before the turn said it again; one is deleted that the turn's
    own words have superseded, or that was deleted since.
    """
    turn = await gateway.store.get_turn(project, body.task_id)
    if turn is None:
        raise Code.TASK_NOT_FOUND.error(param="task_id")
    told: dict[str, Any] = {"task_id": turn.id, "status": _STATES[turn.state]}
    if turn.state is TurnState.LEARNED:
        told["memory_views"] = _views(turn, await _learned(gateway, turn))
    return told


async def _learned(gateway: Gateway, turn: Turn) -> list[Memory]:
    chosen = Selection(kinds=frozenset(Kind), statuses=frozenset(Status), turn=turn.id)
    memories, _ = await gateway.store.list_memories(turn.scope, chosen, limit=MOST)
    return memories


def _views(turn: Turn, memories: list[Memory]) -> dict[str, Any]:
    living = [memory for memory in memories if memory.status is not Status.DELETED]
    added = [m for m in living if m.sources and m.sources[0].turn == turn.id]
    ended = {each for memory in added for each in memory.supersedes}
    ended |= {memory.id for memory in memories if memory.status is Status.DELETED}
    views: dict[str, Any] = {
        "added": len(added),
        "updated": len(living) - len(added),
        "deleted": len(ended),
    }
    for memory in living:
        views.setdefault(_VIEWS[memory.kind], View(memory_ids=[]))["memory_ids"].append(memory.id)
    return views


OPERATIONS = (Operation(path="get/status", asked=GetStatus, answer=TaskStatus, work=get_status),)
