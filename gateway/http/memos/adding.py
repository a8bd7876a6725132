"""/add/message: what was said elsewhere, to be remembered here."""

from typing import Any

import orjson
from pydantic import Field, JsonValue, field_validator
from typing_extensions import TypedDict

from gateway.errors import ExtractionBusyError, StoreError
from gateway.http.gateway import Gateway
from gateway.http.memos.reading import Body, Id
from gateway.http.memos.times import FIRST, LAST, parse_time
from gateway.http.operation import Data, Operation
from gateway.memory import prompt
from gateway.memory.model import Labels, Message, Millis, Scope, Turn, identifier
from gateway.memory.prompt import day
from gateway.memory.turn_log import Recorded


class AddedMessage(Body, extra="allow"):
    """One message to add; what is not named here is kept as it came."""

    role: str = Field(pattern="^(user|assistant|system|tool)$")
    content: JsonValue = None
    chat_time: Millis | None = Field(None, strict=True, ge=FIRST, le=LAST)
    role_name: str = Field("", max_length=100)

    @field_validator("chat_time", mode="before")
    @classmethod
    def _any_usual_form(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        return parse_time(value) if isinstance(value, str) else value

    def message(self, now: Millis) -> Message:
        return Message(
            role=self.role,
            content=prompt.strip_content(self.content),
            time=now if self.chat_time is None else self.chat_time,
            name=self.role_name,
            extra=self.model_extra or {},
        )


class AddMessage(Body):
    user_id: Id
    conversation_id: str = Field("", max_length=100)
    messages: list[AddedMessage] = Field(min_length=1, max_length=1000)
    async_mode: bool = True
    agent_id: str = Field("", max_length=100)
    app_id: str = Field("", max_length=100)
    tags: list[str] = Field(default_factory=list, max_length=64)
    info: dict[str, JsonValue] = Field(default_factory=dict, max_length=64)


class Added(TypedDict):
    success: bool
    task_id: str
    status: str


async def add_message(gateway: Gateway, project: str, body: AddMessage) -> Data:
    """Record the messages as one turn; unless `async_mode`, learn it before answering.

    A turn that only the spool could take is learned later, whatever the mode; so is what a model
    would add that cannot be reached.

    The same messages added again are the same turn, and change nothing.
    """
    now = gateway.clock()
    scope = Scope(project, body.user_id)
    messages = tuple(message.message(now) for message in body.messages)
    said = orjson.dumps([m.model_dump(mode="json") for m in body.messages]).decode()
    dated = all(message.chat_time is not None for message in body.messages)
    when = "" if dated else day(now)
    conversation = body.conversation_id or identifier("conversation", project, body.user_id, said)
    before = await gateway.store.get_turns(scope, conversation, 1)
    turn = Turn(
        id=identifier("added", project, body.user_id, conversation, said, when),
        scope=scope,
        conversation=conversation,
        messages=messages,
        created=now,
        preceding=before[-1].messages[-1].text if before else "",
        labels=Labels(
            agent_id=body.agent_id, app_id=body.app_id, tags=tuple(body.tags), info=body.info
        ),
    )
    recorded = await gateway.turn_log.record(turn, queued=body.async_mode)
    if recorded is Recorded.LOST:
        raise StoreError("the turn could not be kept")
    at_once = recorded is Recorded.STORED and not body.async_mode
    if at_once:
        try:
            await gateway.learner.learn(turn.id)
        except ExtractionBusyError:  # by the rules it is learned; the model is asked again later
            at_once = False
    status = "completed" if at_once else "running"
    return {"success": True, "task_id": turn.id, "status": status}


OPERATIONS = (Operation(path="add/message", asked=AddMessage, answer=Added, work=add_message),)
