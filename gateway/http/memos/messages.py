"""/get/message: what was said last in a conversation."""

from collections.abc import Sequence

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.reading import Body, Id
from gateway.http.operation import Data, Operation
from gateway.memory.model import Message, Millis, Scope, Turn
from gateway.memory.taken_out import as_left

_SHOWN = ("user", "assistant")


class GetMessage(Body):
    """Which conversation, and how much of it."""

    user_id: Id = Field(description="Whose conversation.")
    conversation_id: Id = Field(description="Which one.")
    message_limit_number: int = Field(6, ge=1, le=50, description="The latest messages, at most.")


class MessageDetail(TypedDict):
    """`create_time` is when it was said, `update_time` when it was recorded."""

    role: str
    content: str
    create_time: Millis
    update_time: Millis


class Messages(TypedDict):
    message_detail_list: list[MessageDetail]


async def get_message(gateway: Gateway, project: str, body: GetMessage) -> Data:
    """The latest messages of the user and the assistant, oldest first, as their words were kept.

    A message without words, such as one that only calls tools, is not among them, nor is what was
    deleted of the conversation's memories since, nor an answer of the offline model.
    """
    scope, most = Scope(project, body.user_id), body.message_limit_number
    limit = most
    while True:
        turns = await gateway.store.get_turns(scope, body.conversation_id, limit)
        details = await _details(gateway, scope, _enough(turns, most))
        if len(details) < most:  # much of it is no longer there
            details = await _details(gateway, scope, turns)
        if len(details) >= most or len(turns) < limit:
            return {"message_detail_list": details[-most:]}
        limit *= 4  # turns in which nothing of it was said


def _enough(turns: Sequence[Turn], most: int) -> Sequence[Turn]:
    """The latest turns that hold `most` messages: an import may hold a thousand in each."""
    count = 0
    for index in range(len(turns) - 1, -1, -1):
        count += sum(_is_shown(message) for message in turns[index].said)
        if count >= most:
            return turns[index:]
    return turns


async def _details(gateway: Gateway, scope: Scope, turns: Sequence[Turn]) -> list[MessageDetail]:
    return [
        MessageDetail(
            role=message.role,
            content=message.text,
            create_time=message.time,
            update_time=turn.created,
        )
        for turn in await as_left(gateway.store, scope, turns)
        for message in turn.messages
        if _is_shown(message)
    ]


def _is_shown(message: Message) -> bool:
    return message.role in _SHOWN and bool(message.text)


OPERATIONS = (Operation(path="get/message", asked=GetMessage, answer=Messages, work=get_message),)
