"""Candidates out of a turn by rules: what the user's own words state, like and instruct.

Only messages of the user's role are read, sentence by sentence, with nothing guessed: what no rule
reads makes no candidate, for the turn itself stays searchable word for word. English, and the
plainest of German, Spanish, French, Chinese and Japanese. Deterministic, and linear in the length
of a message.
"""

from collections.abc import Iterator

from gateway.memory import redaction, screening
from gateway.memory.model import Candidate, Message, Source, Turn
from gateway.memory.rules import clauses
from gateway.memory.rules.reading import read
from gateway.memory.rules.sentences import own_words

_MOST = 24  # candidates of one message; more is a document that the guards did not know
_LONGEST_SLOT = 160  # characters


def extract(turn: Turn) -> list[Candidate]:
    """What to remember of a turn, in the order said; the same turn always gives the same."""
    found: dict[tuple[str, str], Candidate] = {}
    for message in turn.messages:
        if message.role == "user":
            for candidate in _candidates(turn, message):
                found.setdefault((candidate.attribute, candidate.text), candidate)
    return list(found.values())


def _candidates(turn: Turn, message: Message) -> Iterator[Candidate]:
    source = Source(
        role=message.role,
        content=message.text,
        time=message.time,
        conversation=turn.conversation,
        turn=turn.id,
        name=message.name,
    )
    words = own_words(message.text)
    asking = [clauses.asks(sentence) for sentence in words.sentences]
    left = _MOST
    for number, sentence in enumerate(words.sentences):
        busy = sum(asking) > asking[number]
        readings = list(read(sentence, message.time, busy=busy))
        if readings and redaction.has_secret(words.reveal(sentence)):
            continue
        for reading in readings:
            text = screening.neutralise(words.reveal(reading.text))
            if not text:
                continue
            yield Candidate(
                kind=reading.kind,
                text=text,
                source=source,
                attribute=screening.neutralise(words.reveal(reading.slot))[:_LONGEST_SLOT],
                instruction=reading.instruction,
                confidence=reading.confidence,
                event_time=reading.event_time,
            )
            left -= 1
            if not left:
                return
