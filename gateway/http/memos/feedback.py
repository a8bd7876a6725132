"""/add/feedback: what a user says about what is remembered, so that it is corrected."""

from dataclasses import replace
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.base_ids import WrittenBases
from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body, Id
from gateway.http.memos.times import Moment
from gateway.http.operation import Data, Operation
from gateway.memory import knowledge
from gateway.memory.feedback import conversation_of
from gateway.memory.model import Labels, Message, Scope, Turn, TurnState, identifier
from gateway.memory.prompt import day
from gateway.memory.turn_log import Recorded

LONGEST = 8_000  # characters of a feedback


class AddFeedback(Body):
    """What is wrong with what is remembered, in the user's own words."""

    user_id: Id = Field(description="Whose memories are meant.")
    feedback_content: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="As one would say it: `No, I live in Porto, not Lisbon`, `replace X by Y`,"
        " `forget that I like coffee`.",
    )
    conversation_id: str = Field(
        "", max_length=100, description="The conversation in which it was said."
    )
    agent_id: str = Field("", max_length=100, description="The agent that it is labelled with.")
    app_id: str = Field("", max_length=100, description="The app that it is labelled with.")
    feedback_time: Moment | None = Field(
        None, description="When it was said, in milliseconds or any usual form. By default now."
    )
    allow_public: bool = Field(
        False, description="Whether what it states is also learned for everybody in the project."
    )
    allow_knowledgebase_ids: WrittenBases = Field(default_factory=list)


class Given(TypedDict):
    """`task_id` is what /get/status asks for; `status` is running, or completed of one given."""

    success: bool
    task_id: str
    status: str


async def add_feedback(gateway: Gateway, project: str, body: AddFeedback) -> Data:
    """Keep what the user says about the memories, and correct them by it, soon afterwards.

    Other words take the place of the old ones, what is to be forgotten is taken out, and what is
    stated is learned. All of it can be undone. Only where it is clear what is meant, and never more
    than five memories at a time; else it is only kept. The same again on one day changes nothing.
    """
    now = gateway.clock()
    scope = Scope(project, body.user_id)
    named = await knowledge.named(gateway.registry, project, body.allow_knowledgebase_ids)
    time = now if body.feedback_time is None else body.feedback_time
    when = day(now) if body.feedback_time is None else str(time)
    turn = Turn(
        id=identifier("feedback", *scope.parts, body.conversation_id, body.feedback_content, when),
        scope=scope,
        conversation=conversation_of(body.conversation_id),
        messages=(Message(role="user", content=body.feedback_content, time=time),),
        created=now,
        labels=Labels(agent_id=body.agent_id, app_id=body.app_id),
        public=body.allow_public,
        bases=tuple(each.user for each in named),
        feedback=True,
    )
    held = await gateway.store.get_turn(project, turn.id)
    if held is not None and held.state is TurnState.LEARNED:
        return {"success": True, "task_id": turn.id, "status": "completed"}
    if held is not None:
        turn = replace(held, state=TurnState.PENDING, attempts=0, error="")
    if await gateway.turn_log.record(turn) is Recorded.LOST:
        raise Code.FEEDBACK_NOT_ADDED.error()
    return {"success": True, "task_id": turn.id, "status": "running"}


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="add/feedback", asked=AddFeedback, answer=Given, work=add_feedback),
)
