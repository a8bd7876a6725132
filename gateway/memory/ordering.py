"""Which hit comes first: how relevant it is, and what else tells which bears most on the question.

What the figures were measured on, `ranking` says.
"""

from collections.abc import Callable, Sequence
from typing import Final

from gateway.memory.model import Hit, Kind, Memory, Millis
from gateway.memory.periods import named_days
from gateway.memory.relevance import DENSE_UNKNOWN, Score, weight_of_words
from gateway.memory.speakers import by_user, named, said
from gateway.memory.telling import asks, asks_what_you_said, asks_when, substance, tells_when

# How much more words count in the order, where people go by names and talk is asked about in its
# own words. LoCoMo with 1.5: 82.7, 2: 83.3, 2.5: 83.0.
_NAMED: Final = 2
# And where one talks to an assistant, and asks by topic. PrefEval and what was told with 1/4: 43.0
# and 64.7, 1/3: 43.4 and 65.0, 1/2: 44.6 and 64.3, 1: 42.6 and 61.5.
_UNNAMED: Final = 0.4
_CONVERSATION: Final = 0.3  # of a conversation's best, for all of it: 79.1 -> 80.5
_PERIOD: Final = 0.15  # said when the question says: 80.0 -> 81.1
# A user's own to an assistant, whose long answers hold every word of the topic. What was told with
# 0: 51.1, 0.08: 58.5, 0.12: 60.2, 0.16: 61.5, 0.2: 61.5.
_OWN_WORDS: Final = 0.15
# Among people, what answers a question that is to the point is to the point as well: of the
# question's total. LoCoMo with 0: 82.5, 0.1: 82.9, 0.2: 83.3, 0.3: 83.3, 0.4: 82.2.
_REPLY: Final = 0.2
_ASKING: Final = 0.1  # among people, for a question itself, to its loss: 80.6 -> 81.6
_TELLING_WHEN: Final = 0.1  # to who asks for a time: 80.6 -> 81.2
_SUBSTANCE: Final = 0.1  # among people, for a text that says much: 80.6 -> 81.3
_CURRENT: Final = 0.05  # for what was said in the conversation that asks
_DAY: Final = 86_400_000


def order(
    hits: Sequence[Hit],
    scores: Sequence[Score],
    question: str,
    now: Millis,
    current: str,
) -> list[int]:
    """The hits' indices, best first; of equals the later said."""
    days = named_days(question, now)
    for_when, to_assistant = asks_when(question), asks_what_you_said(question)
    totals = []
    for hit, (meaning, words) in zip(hits, scores, strict=True):
        memory = hit.memory
        if named(memory) and memory.kind is not Kind.PREFERENCE:
            total = meaning + words * _NAMED
            if memory.kind is Kind.EPISODE:
                total += _form(said(memory), for_when=for_when)
        else:
            total = meaning + words * _UNNAMED
            if by_user(memory) and not to_assistant:
                total += _OWN_WORDS
        if days and _day(memory) in days:
            total += _PERIOD
        if current and memory.conversation == current:
            total += _CURRENT
        totals.append(total)
    totals = _with_replies(hits, totals)
    best: dict[str, float] = {}
    for hit, total in zip(hits, totals, strict=True):
        conversation = hit.memory.conversation
        best[conversation] = max(total, best.get(conversation, total))
    for index, hit in enumerate(hits):
        conversation = hit.memory.conversation
        totals[index] += _CONVERSATION * (best[conversation] if conversation else totals[index])
    return sorted(
        range(len(hits)), key=lambda i: (-totals[i], -hits[i].memory.time, hits[i].memory.id)
    )


def _form(text: str, *, for_when: bool) -> float:
    """What the form of something said among people adds to its total."""
    added = _SUBSTANCE * substance(text)
    if asks(text):
        added -= _ASKING
    if for_when and tells_when(text):
        added += _TELLING_WHEN
    return added


def _with_replies(hits: Sequence[Hit], totals: Sequence[float]) -> list[float]:
    """The totals, where what follows somebody's question has its part of the question's."""
    asked = {
        (memory.sources[0].turn, memory.position): total
        for memory, total in zip((hit.memory for hit in hits), totals, strict=True)
        if memory.kind is Kind.EPISODE and named(memory) and asks(said(memory))
    }
    return [
        total + _REPLY * asked.get(_place_before(hit.memory), 0.0)
        for hit, total in zip(hits, totals, strict=True)
    ]


def _place_before(memory: Memory) -> tuple[str, int]:
    """Where the message before an episode stands, as turn and position; of others nowhere."""
    if memory.kind is not Kind.EPISODE or not named(memory):
        return "", -1
    return memory.sources[0].turn, memory.position - 1


def _day(memory: Memory) -> int:
    """The day that a memory tells of, or was said on, in days since the epoch."""
    return (memory.time if memory.event_time is None else memory.event_time) // _DAY


def merit(question: str) -> Callable[[float | None, float | None], float]:
    """How a search is to weigh a hit's two scores, where it shall not read all that it found.

    Between the weights of a named speaker's words and of others': who speaks is not known yet.
    """
    weight = weight_of_words(question) * (_UNNAMED + _NAMED) / 2

    def weighed(dense: float | None, lexical: float | None) -> float:
        return (DENSE_UNKNOWN if dense is None else dense) + weight * (lexical or 0.0)

    return weighed
