"""/get/status: how far the learning of what was said is, and what came of it."""

from typing import Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body
from gateway.http.memos.views import VIEWS
from gateway.http.operation import Data, Operation
from gateway.memory.model import Kind, Memory, Status, Turn, TurnState
from gateway.memory.ports import Selection
from gateway.memory.tasks import turns_of

MOST = 500  # memories of one turn that are named
_STATES = {
    TurnState.PENDING: "running",
    TurnState.LEARNED: "completed",
    TurnState.PARKED: "failed",
}
_FIRST = (TurnState.PARKED, TurnState.PENDING, TurnState.LEARNED)  # of several turns


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
    """The state of a task, which is the learning of a turn, or of several in a group chat.

    A memory is updated that was known before the turn said it again; one is deleted that the turn's
    own words have superseded, or that was put away since. What was deleted for good is not counted.
    """
    turns = await turns_of(gateway.store, gateway.registry, project, body.task_id)
    if not turns:
        raise Code.TASK_NOT_FOUND.error(param="task_id")
    states = {turn.state for turn in turns}
    state = next(each for each in _FIRST if each in states)
    told: dict[str, Any] = {"task_id": body.task_id, "status": _STATES[state]}
    if state is TurnState.LEARNED:
        told["memory_views"] = _views([(t.id, await _learned(gateway, t)) for t in turns])
    return told


async def _learned(gateway: Gateway, turn: Turn) -> list[Memory]:
    chosen = Selection(kinds=frozenset(Kind), statuses=frozenset(Status), turn=turn.id)
    memories, _ = await gateway.store.list_memories(turn.scope, chosen, limit=MOST)
    return memories


def _views(learned: list[tuple[str, list[Memory]]]) -> dict[str, Any]:
    views: dict[str, Any] = {"added": 0, "updated": 0, "deleted": 0}
    for turn, memories in learned:
        living = [memory for memory in memories if memory.status is not Status.DELETED]
        added = [memory for memory in living if memory.sources[0].turn == turn]
        ended = {each for memory in added for each in memory.supersedes}
        ended |= {memory.id for memory in memories if memory.status is Status.DELETED}
        views["added"] += len(added)
        views["updated"] += len(living) - len(added)
        views["deleted"] += len(ended)
        for memory in living:
            view = views.setdefault(VIEWS[memory.kind], View(memory_ids=[]))
            view["memory_ids"].append(memory.id)
    return views


OPERATIONS = (Operation(path="get/status", asked=GetStatus, answer=TaskStatus, work=get_status),)
