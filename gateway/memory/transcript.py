"""What a request's messages say about the conversation: which are new, and how to name the turn.

A client resends its whole history with every request. Only what follows the last answer before the
latest user message is new; in a tool loop the steps since that message belong to the same turn, so
each step's record replaces the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.memory import prompt, scaffolding
from gateway.memory.model import Message, Millis, Scope, identifier, text_of

# The application's words, not the conversation's. No set: a role may be any JSON.
_OURS = ("system", "developer")
_READABLE = ("text", "input_text", "output_text", "refusal")  # types of parts that are words
DATA = 2000  # characters of any other value in a part, such as a URL, that are kept

_KNOWN = frozenset({"role", "content", "name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The new part of a conversation, as messages, and what stood before it.

    `earlier` counts the messages before it, and `steps` those that a tool loop has added to the
    latest user message. `history` is what stood before it, as far as it was the conversation's.
    """

    question: str
    fresh: tuple[Message, ...]
    preceding: str
    opening: str
    earlier: int
    steps: int
    history: tuple[Message, ...] = ()


def read(messages: Sequence[Mapping[str, Any]], *, now: Millis) -> Transcript | None:
    """The transcript, or None when no user speaks in it."""
    users = [i for i, m in enumerate(messages) if m.get("role") == "user"]
    if not users:
        return None
    latest = users[-1]
    answers = [i for i in range(latest) if messages[i].get("role") == "assistant"]
    start = answers[-1] + 1 if answers else 0
    return Transcript(
        question=_words(messages[latest]),
        fresh=said(messages[start:], now),
        preceding=text_of(messages[answers[-1]].get("content")) if answers else "",
        opening=_words(messages[users[0]]),
        earlier=start,
        steps=len(messages) - 1 - latest,
        history=said(messages[:start], now),
    )


def _words(raw: Mapping[str, Any]) -> str:
    """What the user says in a message."""
    return scaffolding.own(prompt.strip(text_of(raw.get("content"))))


def said(messages: Sequence[Mapping[str, Any]], time: Millis) -> tuple[Message, ...]:
    """These messages less the application's own."""
    return tuple(message(m, time) for m in messages if m.get("role") not in _OURS)


def message(raw: Mapping[str, Any], time: Millis) -> Message:
    """One message as it was sent, less a memory block of ours and the data of files in it.

    Of a user's message, what an application put around their words is left out too.
    """
    content = prompt.strip_content(raw.get("content"))
    if raw.get("role") == "user":
        content = scaffolding.without(content)
    return Message(
        role=str(raw.get("role")),
        content=light(content),
        time=time,
        name=str(raw.get("name") or ""),
        extra={key: value for key, value in raw.items() if key not in _KNOWN},
    )


def light(content: Any) -> Any:  # noqa: ANN401  a client's JSON may be anything
    """A message's content without the data of files in it."""
    return [_light(part) for part in content] if isinstance(content, list) else content


def _light(part: Any) -> Any:  # noqa: ANN401  a client's JSON may be anything
    """A part of a message without what only a machine reads: images, sounds and files as text."""
    if not isinstance(part, dict) or part.get("type") in _READABLE:
        return part
    return {key: _shortened(value) for key, value in part.items()}


def _shortened(value: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(value, str) and len(value) > DATA:
        return f"{value[:64]}… ({len(value)} characters, not kept)"
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    return value


def conversation_id(scope: Scope, transcript: Transcript, *, now: Millis) -> str:
    """For a conversation that no turn is known of: that of the day's requests that open alike."""
    return identifier("conversation", *scope.parts, prompt.day(now), transcript.opening)


def turn_id(
    scope: Scope, conversation: str, transcript: Transcript, *, now: Millis, previous: str = ""
) -> str:
    """The same for a retry or the next step of a tool loop, another for any new words of the user.

    The day is part of it, so that the same short question on another day is another turn even for
    a client that sends no history. So is the name of the `previous` turn where the request has one.
    """
    return identifier(
        "turn",
        *scope.parts,
        conversation,
        prompt.day(now),
        str(transcript.earlier),
        transcript.preceding,
        *(m.text for m in transcript.fresh if m.role == "user"),
        *([previous] if previous else []),
    )
