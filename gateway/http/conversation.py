"""Where in a conversation a request stands: which turn it is, and which turn it goes on from."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

import structlog

from gateway.http.options import ChatOptions
from gateway.http.understanding import Said
from gateway.memory import transcript
from gateway.memory.model import Millis, Scope, Turn, text_of
from gateway.memory.ports import Store
from gateway.memory.transcript import Transcript

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A request in its conversation. `present` are the texts that the model sees already.

    `refs` are names that the turn has from earlier steps. A chat that is `continued` holds no words
    of the user, only what tools gave back since, so that there is no place for memories in it.
    """

    scope: Scope
    conversation: str
    turn: str
    tools: bool
    transcript: Transcript
    present: frozenset[str]
    options: ChatOptions
    refs: tuple[str, ...] = ()
    continued: bool = False


async def previous_turn(
    store: Store, scope: Scope, refs: Collection[str], *, seconds: float
) -> Turn | None:
    """The turn that goes by one of these names; none as well when the store fails or is slow."""
    try:
        async with asyncio.timeout(seconds):
            return await store.find_turn(scope, refs)
    except Exception as error:  # noqa: BLE001  whatever it is, the chat goes on
        _log.warning("previous turn not found", error=type(error).__name__)
        return None


def place(said: Said, previous: Turn | None, *, now: Millis) -> Chat | None:
    """The chat, or None when no user speaks in it and no earlier turn is known."""
    read, known = said.transcript, previous.messages if previous else ()
    present = {text_of(m.get("content")) for m in said.messages} | {m.text for m in known}
    if read is None:
        return _continued(said, previous, now, frozenset(present)) if previous else None
    if previous and not read.preceding:
        answers = [m.text for m in previous.messages if m.role == "assistant"]
        read = replace(read, preceding=answers[-1] if answers else "")
    conversation = said.conversation or (
        previous.conversation if previous else transcript.conversation_id(said.scope, read)
    )
    turn = transcript.turn_id(said.scope, conversation, read, now=now, previous=said.previous)
    return Chat(
        scope=said.scope,
        conversation=conversation,
        turn=turn,
        tools=said.tools,
        transcript=read,
        present=frozenset(present),
        options=said.options,
    )


def _continued(said: Said, previous: Turn, now: Millis, present: frozenset[str]) -> Chat:
    """The turn before, with what this request adds to it."""
    steps = transcript.said(said.messages, now)
    return Chat(
        scope=said.scope,
        conversation=previous.conversation,
        turn=previous.id,
        tools=said.tools,
        transcript=Transcript(
            question="",
            fresh=(*previous.messages, *steps),
            preceding=previous.preceding,
            opening="",
            earlier=0,
            steps=len(steps),
        ),
        present=present,
        options=replace(said.options, labels=previous.labels),
        refs=previous.refs,
        continued=True,
    )
