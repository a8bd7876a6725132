"""/add/message: what was said elsewhere, to be remembered here."""

from dataclasses import replace

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from gateway.errors import ExtractionBusyError
from gateway.http.base_ids import WrittenBases
from gateway.http.gateway import Gateway
from gateway.http.memos.added_message import AddedMessage
from gateway.http.memos.codes import Code
from gateway.http.memos.labels import AllowPublic, AppId, Info, Tags
from gateway.http.memos.subjects import Subjects
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge, tasks
from gateway.memory.model import (
    Labels,
    Millis,
    Scope,
    Turn,
    TurnState,
    identifier,
)
from gateway.memory.prompt import day
from gateway.memory.tokens import tokens
from gateway.memory.turn_log import Recorded

MOST_TOKENS = 40_000  # of all messages together

_RUNNING, _COMPLETED, _FAILED = "running", "completed", "failed"


class AddMessage(Subjects):
    conversation_id: str = Field(
        "", max_length=100, description="Which conversation; by default one of these messages' own."
    )
    messages: list[AddedMessage] = Field(
        min_length=1, max_length=1000, description="What was said, oldest first: 40,000 tokens."
    )
    async_mode: bool = Field(
        True,
        description="Whether to answer before it is learned. Messages with images or files are"
        " always learned afterwards.",
    )
    app_id: AppId = ""
    tags: Tags = Field(default_factory=list)
    info: Info = Field(default_factory=dict)
    allow_public: AllowPublic = False
    allow_knowledgebase_ids: WrittenBases = Field(default_factory=list)


class Added(TypedDict):
    """`task_id` is what /get/status asks for; `status` is running, completed or failed."""

    success: bool
    task_id: str
    status: str


async def add_message(gateway: Gateway, project: str, body: AddMessage) -> Data:
    """Record the messages as one turn of each who takes part, and learn them.

    With several users each has the messages in their own memory, where only their own words say
    anything about them. One task covers all of it.

    With async_mode false it is learned before the answer. What only the spool could take is learned
    later, whatever the mode; so is what a model would add that cannot be reached.

    The same messages added again are the same turns and change nothing, unless they come with other
    labels or permissions.
    """
    _check_length(body.messages)
    named = await knowledge.named(gateway.registry, project, body.allow_knowledgebase_ids)
    bases = tuple(scope.user for scope in named)
    turns = [await _turn(gateway, scope, body, bases) for scope in body.scopes(project)]
    task = await tasks.note(gateway.registry, turns, now=gateway.clock())
    at_once = not (body.async_mode or any(message.has_data for message in body.messages))
    states = [await _add(gateway, turn, at_once=at_once) for turn in turns]
    status = next((each for each in (_FAILED, _RUNNING) if each in states), _COMPLETED)
    return {"success": True, "task_id": task, "status": status}


def _check_length(messages: list[AddedMessage]) -> None:
    total = sum(
        tokens(message.message(0, "", group=False).text)
        + (tokens(orjson.dumps(message.tool_calls).decode()) if message.tool_calls else 0)
        for message in messages
    )
    if total > MOST_TOKENS:
        detail = f"messages: more than {MOST_TOKENS} tokens altogether"
        raise Code.INPUT_TOO_LONG.error(detail, param="messages")


def _said_last(turns: list[Turn]) -> str:
    return next((m.text for turn in reversed(turns) for m in reversed(turn.said)), "")


async def _turn(gateway: Gateway, scope: Scope, body: AddMessage, bases: tuple[str, ...]) -> Turn:
    now = gateway.clock()
    said = orjson.dumps([m.model_dump(mode="json") for m in body.messages]).decode()
    everybody = [each.user for each in body.scopes(scope.project)]
    group = len(everybody) > 1
    conversation = body.conversation_id or identifier(
        "conversation", scope.project, *everybody, said
    )
    before = await gateway.store.get_turns(scope, conversation, 1)
    return Turn(
        id=identifier("added", *scope.parts, conversation, said, _when(body, now)),
        scope=scope,
        conversation=conversation,
        messages=tuple(each.message(now, scope.user, group=group) for each in body.messages),
        created=now,
        preceding=_said_last(before),
        labels=Labels(
            agent_id=next(iter(body.agents), ""),
            app_id=body.app_id,
            tags=tuple(body.tags),
            info=body.info,
            related=body.related,
        ),
        public=body.allow_public,
        bases=bases,
    )


def _when(body: AddMessage, now: Millis) -> str:
    """What tells the same words apart, said on two days; nothing, where each has its own time."""
    dated = all(message.chat_time is not None for message in body.messages)
    return "" if dated else day(now)


async def _add(gateway: Gateway, turn: Turn, *, at_once: bool) -> str:
    """Record a turn, unless it is there already, and say how far its learning is."""
    held = await gateway.store.get_turn(turn.scope.project, turn.id)
    given = (turn.labels, turn.public, turn.bases)
    if held is not None and (held.labels, held.public, held.bases) == given:
        turn = held
    if turn is not held or turn.state is TurnState.PARKED:
        pending = replace(turn, state=TurnState.PENDING, attempts=0, error="")
        recorded = await gateway.turn_log.record(pending, queued=not at_once)
        if recorded is Recorded.LOST:
            raise Code.MESSAGE_NOT_ADDED.error()
        at_once = at_once and recorded is Recorded.STORED
    elif turn.state is TurnState.LEARNED:
        return _COMPLETED
    if not at_once:
        return _RUNNING
    try:
        await gateway.learner.learn(turn.id)
    except ExtractionBusyError:  # by the rules it is learned; the model is asked again later
        return _RUNNING
    return _COMPLETED


OPERATIONS = (Operation(path="add/message", asked=AddMessage, answer=Added, work=add_message),)
