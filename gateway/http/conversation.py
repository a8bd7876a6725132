"""Where in a conversation a request stands: which turn it is, and which turn it goes on from."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.errors import StoreError
from gateway.http.options import ChatOptions
from gateway.http.understanding import Said
from gateway.memory import threads, transcript
from gateway.memory.model import Millis, Scope, Turn, text_of
from gateway.memory.ports import Store
from gateway.memory.transcript import Transcript

SEEN = 50  # turns of a conversation kept by the model's side whose texts need no repeating

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
    tools: tuple[str, ...]
    transcript: Transcript
    present: frozenset[str]
    options: ChatOptions
    refs: tuple[str, ...] = ()
    continued: bool = False


async def place(store: Store, said: Said, *, seconds: float, now: Millis) -> Chat | None:
    """The chat, or None when no user speaks in it and no earlier turn is known.

    What is recorded is looked up for `seconds` at most; when the store fails or is slow, the
    request is taken for the first of a conversation.
    """
    known: _Known | None = None
    try:
        async with asyncio.timeout(seconds):
            known = await _look_up(store, said, now)
    except (StoreError, TimeoutError):
        pass  # a store that fails says so itself, and not for each request
    except Exception as error:  # noqa: BLE001  whatever it is, the chat goes on
        _log.warning("conversation not looked up", error=type(error).__name__)
    read = said.transcript
    if read is None:
        return _continued(said, known.previous, now) if known and known.previous else None
    conversation = known.conversation if known else _opened(said, read, now)
    return Chat(
        scope=said.scope,
        conversation=conversation,
        turn=_turn_id(said, read, conversation, now),
        tools=said.tools,
        transcript=replace(read, preceding=read.preceding or known.answer) if known else read,
        present=_texts(said) | (known.seen if known else frozenset()),
        options=said.options,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is recorded of the conversation: the turn before, and what the model's side has seen.

    `seen` is empty where the client resends what was said.
    """

    conversation: str
    previous: Turn | None = None
    seen: frozenset[str] = frozenset()

    @property
    def answer(self) -> str:
        said = self.previous.said if self.previous else ()
        answers = [m.text for m in said if m.role == "assistant"]
        return answers[-1] if answers else ""


async def _look_up(store: Store, said: Said, now: Millis) -> _Known:
    read, scope, previous = said.transcript, said.scope, None
    if said.previous:
        previous = await store.find_turn(scope, [said.previous])
    elif read is not None and not said.conversation:
        previous = await threads.parent(store, scope, threads.names(threads.heard(read.history)))
    conversation = said.conversation
    if read is not None and not conversation:
        conversation = await threads.conversation(
            store,
            scope,
            previous.conversation if previous else _opened(said, read, now),
            partial(_turn_id, said, read, now=now),
            previous=previous.id if previous else "",
        )
    seen = frozenset[str]()
    if said.previous and previous:
        turns = await store.get_turns(scope, previous.conversation, SEEN)
        # The offline model has seen nothing: what it repeats is not before it the next time.
        seen = frozenset(message.text for turn in turns for message in turn.said)
    return _Known(conversation=conversation, previous=previous, seen=seen)


def _opened(said: Said, read: Transcript, now: Millis) -> str:
    """The conversation of a request that goes on from none that is known."""
    return said.conversation or transcript.conversation_id(said.scope, read, now=now)


def _turn_id(said: Said, read: Transcript, conversation: str, now: Millis) -> str:
    return transcript.turn_id(said.scope, conversation, read, now=now, previous=said.previous)


def _texts(said: Said) -> frozenset[str]:
    return frozenset(text_of(m.get("content")) for m in said.messages)


def _continued(said: Said, previous: Turn, now: Millis) -> Chat:
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
        present=_texts(said),
        options=replace(
            said.options,
            labels=previous.labels,
            public=previous.public,
            written=previous.bases,
        ),
        refs=previous.refs,
        continued=True,
    )
