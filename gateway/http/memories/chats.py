"""/v1/chats: the conversations of a user, as they were held; /v1/conversations is OpenAI's own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import ASGIApp
from typing_extensions import TypedDict

from gateway.errors import StoreError
from gateway.http.asking import OfUser
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.memories.items import Deleted, MemoryItem, memory_item
from gateway.http.operation import Data, Operation
from gateway.http.options import MOST_ID
from gateway.memory.filters import parse
from gateway.memory.known import STATED
from gateway.memory.model import Memory, Message, Millis, Scope, Status, Turn, TurnState
from gateway.memory.ports import Selection
from gateway.memory.sharing import delete_conversation

READ: Final = 1000  # of a user's latest turns, to find conversations in
TURNS: Final = 500  # of one conversation
TITLE: Final = 80  # characters of what was said first

LOOK: Final = 0.2  # seconds between two looks at what is learned
PATIENCE: Final = 60.0  # seconds that somebody may wait for it


class ListChats(OfUser):
    limit: int = Field(50, ge=1, le=200, description="How many conversations at most.")


class Chat(TypedDict):
    id: str
    object: str
    title: str
    updated_at: Millis


class ChatList(TypedDict):
    object: str
    data: list[Chat]
    has_more: bool


async def list_chats(gateway: Gateway, project: str, asked: ListChats) -> Data:
    """The latest conversations of a user, named by what was said first in them.

    They are found among the user's latest 1,000 turns.
    """
    found, total = await gateway.store.list_turns(Scope(project, asked.user), limit=READ)
    turns = [turn for turn in found if turn.messages]  # what is erased may leave empty ones a while
    latest: dict[str, Millis] = {}
    titles: dict[str, str] = {}
    for turn in turns:  # the latest first, so that what was said first comes last
        latest.setdefault(turn.conversation, turn.created)
        if said := next((m.text.strip() for m in turn.messages if m.role == "user"), ""):
            titles[turn.conversation] = said
    shown = list(latest)[: asked.limit]
    data = [
        Chat(
            id=each,
            object="chat",
            title=" ".join(titles.get(each, "").split())[:TITLE],
            updated_at=latest[each],
        )
        for each in shown
    ]
    return {
        "object": "list",
        "data": data,
        "has_more": len(latest) > len(shown) or total > len(found),
    }


class OneChat(OfUser):
    chat_id: str = Field(min_length=1, max_length=MOST_ID, description="The conversation's id.")


class Spoken(TypedDict):
    role: str
    content: str
    said_at: Millis
    turn_id: str


class SpokenList(TypedDict):
    object: str
    data: list[Spoken]


async def get_chat(gateway: Gateway, project: str, asked: OneChat) -> Data:
    """What the user and the model said in a conversation, oldest first; nothing, if it is new.

    Of a very long one it is the latest 500 turns.
    """
    turns = await gateway.store.get_turns(Scope(project, asked.user), asked.chat_id, TURNS)
    data = [_spoken(turn, message) for turn in turns for message in turn.messages]
    return {"object": "list", "data": [each for each in data if each is not None]}


def _spoken(turn: Turn, message: Message) -> Spoken | None:
    if message.role not in {"user", "assistant"} or not message.text.strip():
        return None
    return {
        "role": message.role,
        "content": message.text,
        "said_at": message.time,
        "turn_id": turn.id,
    }


async def delete_chat(gateway: Gateway, project: str, asked: OneChat) -> Data:
    """Delete a conversation for good, with all that is remembered and was shared of it."""
    scope = Scope(project, asked.user)
    if not await delete_conversation(gateway.store, scope, asked.chat_id):
        raise ApiError(404, "there is no such conversation", param="chat_id", code="chat_not_found")
    return {"id": asked.chat_id, "object": "chat.deleted", "deleted": True}


class End(TypedDict):
    """Nothing more is told."""


async def learned(gateway: Gateway, project: str, asked: OneChat) -> ASGIApp:
    """What is learned of a conversation's latest turn, as events, as it is learned.

    An event `memory` for each fact or preference, and one `end` once the turn is learned, was given
    up, or a minute is over.
    """
    scope = Scope(project, asked.user)
    return EventSourceResponse(_learned(gateway, scope, asked.chat_id))


async def _learned(
    gateway: Gateway, scope: Scope, conversation: str
) -> AsyncIterator[ServerSentEvent]:
    known: set[str] = set()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    with suppress(StoreError):  # what is learned meanwhile is found in the list of memories
        while True:
            latest = await gateway.store.get_turns(scope, conversation, 1)
            for memory in await _stated(gateway, scope, conversation, latest):
                if memory.id not in known:
                    known.add(memory.id)
                    yield ServerSentEvent(json.dumps(memory_item(memory)), event="memory")
            over = asyncio.get_running_loop().time() > deadline or gateway.drain.begun.is_set()
            if over or not latest or latest[-1].state is not TurnState.PENDING:
                break
            await asyncio.sleep(LOOK)
    yield ServerSentEvent("{}", event="end")


async def _stated(
    gateway: Gateway, scope: Scope, conversation: str, turns: list[Turn]
) -> list[Memory]:
    selection = Selection(
        kinds=STATED,
        statuses=frozenset({Status.ACTIVATED}),
        where=parse({"conversation_id": conversation}),
    )
    memories, _ = await gateway.store.list_memories(scope, selection, limit=50)
    ids = {turn.id for turn in turns}
    return [m for m in reversed(memories) if any(s.turn in ids for s in m.sources)]


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        method="GET",
        path="chats/{chat_id:path}/learned",
        asked=OneChat,
        answer=MemoryItem | End,
        event=MemoryItem | End,
        kind="text/event-stream",
        work=learned,
    ),
    Operation(method="GET", path="chats", asked=ListChats, answer=ChatList, work=list_chats),
    Operation(
        method="GET", path="chats/{chat_id:path}", asked=OneChat, answer=SpokenList, work=get_chat
    ),
    Operation(
        method="DELETE",
        path="chats/{chat_id:path}",
        asked=OneChat,
        answer=Deleted,
        work=delete_chat,
    ),
)
