"""Ranking: what a search found, best first, cut to what is relevant and to what there is room for.

Pure functions. Relevance says whether a memory bears on the question at all; the order adds what
tells which bears most. Figures, each measured near the final values: recall@10 on LoCoMo's dev half
(people talking, 997 questions); recall@10 of PrefEval's preferences, all 505 told to an assistant
among small talk by one user; and the mean reciprocal rank of what a made-up person told an
assistant who answers at length (tests/quality/told.py, 58 questions).
"""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.memory.file_share import is_from_file, most_from_files
from gateway.memory.model import Hit, Kind, Memory, Millis, Speaker
from gateway.memory.periods import named_days
from gateway.memory.prompt import tokens
from gateway.memory.telling import (
    asks,
    asks_of_oneself,
    asks_what_you_said,
    asks_when,
    only_asks,
    substance,
    tells_when,
)

# Of each arm. LoCoMo with 30: 80.6; 60: 81.2; 100: 81.1; 200: 81.1. Each costs time to read.
CANDIDATES: Final = 50

# A BM25 score divided by the root of the question's length (by chance it grows as that does) adds
# to a cosine as it is. Normalised to the best hit instead, and weighted 0.6 to 0.4, the arms reach
# 1.5 less on LoCoMo, 34 instead of 44 on PrefEval, and tell nothing of relevance.
_WORDS: Final = 1 / 20
# How much more words count in the order, where people go by names and talk is asked about in its
# own words. LoCoMo with 1.5: 82.7, 2: 83.3, 2.5: 83.0.
_NAMED: Final = 2
# And where one talks to an assistant, and asks by topic. PrefEval and what was told with 1/4: 43.0
# and 64.7, 1/3: 43.4 and 65.0, 1/2: 44.6 and 64.3, 1: 42.6 and 61.5.
_UNNAMED: Final = 0.4
_FEWEST: Final = 4  # words a question is taken to have at least: not every "ok" is about "ok"
_SHORT: Final = 3  # letters of a word that is not counted
_DENSE_UNKNOWN: Final = 0.3  # of what has no vector yet: between chance and earnest
# A preference bears on questions that do not name it. Of ten that a user has, the one that
# PrefEval asks for passes the floor in some 84%, and any in 3% of general questions.
_PREFERENCE: Final = 0.12
# To who asks about themselves, what they said is nearer than it looks. Of what was told, the
# evidence of 53% of the questions passes the floor, without it of 33%, and any memory at all in 81%
# and 69%; of sixty questions off the topic, ten of them in the first person, 7% and 5% get any.
_OF_ONESELF: Final = 0.1
# Puts the measured floor, 0.40, at 0.45, the default threshold of the MemOS API. It lets through
# 99% of LoCoMo's evidence. The more memories there are, the more off the topic are past it by
# chance: of general questions ("What is the capital of France?") 1% get any among 16 memories, 8%
# among 90 and 18% among 600.
_SCALE: Final = 0.45 / 0.40

# A user's bare question says what was asked, not what is so: asked again, it would find itself.
_ASKED: Final = 0.3

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
_ALIKE: Final = 0.8  # of two texts' words in both; LoCoMo has no such pair
_BRIEF: Final = 400  # characters of a message that is shown in place of a statement it makes

_REMEMBERED: Final = 4096  # texts whose words are known
_DAY: Final = 86_400_000
_WORD: Final = re.compile(r"\w+")
_DATE: Final = re.compile(r"^\[[\d-]+\] ")
_ROLES: Final = frozenset({"user", "assistant", "human", "ai"})  # are nobody's names

_Score: TypeAlias = tuple[float, float]  # by meaning and by words in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A memory and how relevant it is to the question, 0..1."""

    memory: Memory
    relevance: float


def rank(
    hits: Sequence[Hit],
    question: str,
    *,
    limit: int,
    floor: float,
    now: Millis,
    token_budget: int | None = None,
    present: Collection[str] = (),
    conversation: str = "",
) -> list[Ranked]:
    """The most relevant memories, best first, each with at least `floor` relevance.

    `hits` are those of a search with CANDIDATES per arm. At most `limit`, with texts of at most
    `token_budget` tokens in all (four characters each). Left out: what `present`, the texts that
    the prompt holds already, say word for word; near duplicates; and of a message and a statement
    made from it the lesser, or the statement if the message is brief. Of a long message in several
    pieces one comes in its turn and the rest after everything else. `now` resolves "last week". The
    memories of `conversation`, the one that asks, come a little sooner. At most half is from files,
    unless nothing else is relevant.
    """
    hits, scores = _absorbed(hits, _scores(hits, question))
    prompt = "\n".join(present)
    shown: list[Ranked] = []
    words: list[frozenset[str]] = []
    sources: set[tuple[bool, str, str]] = set()
    left = math.inf if token_budget is None else token_budget
    order = _order(hits, scores, question, now, conversation)
    of_oneself = asks_of_oneself(question)

    def relevance_of(index: int) -> float:
        nearer = _OF_ONESELF if of_oneself and _own_word(hits[index].memory) else 0.0
        return calibrated(sum(scores[index]) + nearer)

    relevant = (hits[index].memory for index in order if relevance_of(index) >= floor)
    files_left = most_from_files(relevant, limit)
    for index in _one_of_each_message(hits, order):
        if len(shown) >= limit:
            break
        memory = hits[index].memory
        relevance = relevance_of(index)
        cost = tokens(memory.text)
        if relevance < floor or cost > left or _is_in(prompt, memory):
            continue
        if is_from_file(memory) and not files_left:
            continue
        episode = memory.kind is Kind.EPISODE
        if any((not episode, s.turn, s.content) in sources for s in memory.sources):
            continue
        own = _distinct(_DATE.sub("", memory.text))
        if any(_alike(own, other) for other in words):
            continue
        shown.append(Ranked(memory=memory, relevance=relevance))
        words.append(own)
        sources.update((episode, s.turn, s.content) for s in memory.sources)
        left -= cost
        files_left -= is_from_file(memory)
    return shown


def calibrated(score: float) -> float:
    """The relevance, 0..1, of a similarity, or of what meaning and words say together."""
    return min(max(_SCALE * score, 0.0), 1.0)


def fitted(ranked: Sequence[Ranked], *, limit: int, token_budget: int | None) -> list[Ranked]:
    """The first `limit` whose texts have room in the budget, at most half of them from files."""
    left = math.inf if token_budget is None else token_budget
    files_left = most_from_files((each.memory for each in ranked), limit)
    shown: list[Ranked] = []
    for each in ranked:
        cost = tokens(each.memory.text)
        from_file = is_from_file(each.memory)
        if len(shown) < limit and cost <= left and (files_left or not from_file):
            shown.append(each)
            left -= cost
            files_left -= from_file
    return shown


def merit(question: str) -> Callable[[float | None, float | None], float]:
    """How a search is to weigh a hit's two scores, where it shall not read all that it found.

    Between the weights of a named speaker's words and of others': who speaks is not known yet.
    """
    weight = _weight(question) * (_UNNAMED + _NAMED) / 2

    def weighed(dense: float | None, lexical: float | None) -> float:
        return (_DENSE_UNKNOWN if dense is None else dense) + weight * (lexical or 0.0)

    return weighed


def _weight(question: str) -> float:
    """What a BM25 score counts for beside a cosine."""
    length = max(_FEWEST, sum(len(word) > _SHORT for word in _distinct(question)))
    return _WORDS / math.sqrt(length)


def _scores(hits: Sequence[Hit], question: str) -> list[_Score]:
    """What meaning and what words in common say for each hit: some 0.2 by chance, 0.7 in earnest.

    What the dense arm did not score has no vector yet, or the question has none.
    """
    weight = _weight(question)
    scores = []
    for hit in hits:
        meaning = _DENSE_UNKNOWN if hit.dense is None else hit.dense
        if hit.memory.kind is Kind.PREFERENCE and not hit.memory.contributor:
            meaning += _PREFERENCE
        counts = _ASKED if _only_asks(hit.memory) else 1.0
        scores.append((counts * meaning, counts * weight * (hit.lexical or 0.0)))
    return scores


def _only_asks(memory: Memory) -> bool:
    """Whether it is a question that a user put to an assistant, and nothing else."""
    if memory.kind is not Kind.EPISODE or memory.speaker is not Speaker.USER or _named(memory):
        return False
    return only_asks(_said(memory))


def _by_user(memory: Memory) -> bool:
    """Whether it is the word of the user who asks, and not of another who shared it."""
    return memory.speaker is Speaker.USER and not memory.contributor


def _said(memory: Memory) -> str:
    return memory.sources[0].content if memory.sources else ""


def _own_word(memory: Memory) -> bool:
    """Whether the user said it to an assistant; what they prefer has a measure of its own."""
    said = _by_user(memory) and memory.kind is not Kind.PREFERENCE
    return said and not _named(memory) and not _only_asks(memory)


def _named(memory: Memory) -> bool:
    """Whether its speaker goes by a name: people talk to each other, not one to an assistant."""
    name = memory.sources[0].name if memory.sources else ""
    return bool(name) and name.lower() not in _ROLES


def _absorbed(
    hits: Sequence[Hit], scores: Sequence[_Score]
) -> tuple[Sequence[Hit], Sequence[_Score]]:
    """Without the statements that a brief message among the hits says word for word.

    Such a message is found by its statements too, and says in what connection they were made.
    """
    statements = [i for i, hit in enumerate(hits) if hit.memory.kind is not Kind.EPISODE]
    if not statements:
        return hits, scores
    brief = {
        (source.turn, source.content): index
        for index, hit in enumerate(hits)
        if hit.memory.kind is Kind.EPISODE and len(hit.memory.text) <= _BRIEF
        for source in hit.memory.sources
    }
    best, absorbed = list(scores), set[int]()
    for index in statements:
        memory = hits[index].memory
        stated = memory.text.lower().rstrip(".!")
        for source in memory.sources:
            message = brief.get((source.turn, source.content))
            if message is not None and stated in hits[message].memory.text.lower():
                best[message] = max(best[message], scores[index], key=sum)
                absorbed.add(index)
    left = [index for index in range(len(hits)) if index not in absorbed]
    return [hits[index] for index in left], [best[index] for index in left]


def _order(
    hits: Sequence[Hit],
    scores: Sequence[_Score],
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
        if _named(memory) and memory.kind is not Kind.PREFERENCE:
            total = meaning + words * _NAMED
            if memory.kind is Kind.EPISODE:
                total += _form(_said(memory), for_when=for_when)
        else:
            total = meaning + words * _UNNAMED
            if _by_user(memory) and not to_assistant:
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


def _form(said: str, *, for_when: bool) -> float:
    """What the form of something said among people adds to its total."""
    added = _SUBSTANCE * substance(said)
    if asks(said):
        added -= _ASKING
    if for_when and tells_when(said):
        added += _TELLING_WHEN
    return added


def _with_replies(hits: Sequence[Hit], totals: Sequence[float]) -> list[float]:
    """The totals, where what follows somebody's question has its part of the question's."""
    asked = {
        (memory.sources[0].turn, memory.position): total
        for memory, total in zip((hit.memory for hit in hits), totals, strict=True)
        if memory.kind is Kind.EPISODE and _named(memory) and asks(_said(memory))
    }
    return [
        total + _REPLY * asked.get(_place_before(hit.memory), 0.0)
        for hit, total in zip(hits, totals, strict=True)
    ]


def _place_before(memory: Memory) -> tuple[str, int]:
    """Where the message before an episode stands, as turn and position; of others nowhere."""
    if memory.kind is not Kind.EPISODE or not _named(memory):
        return "", -1
    return memory.sources[0].turn, memory.position - 1


def _one_of_each_message(hits: Sequence[Hit], order: Sequence[int]) -> list[int]:
    """The order, with all further of what one message gave of a kind at the end.

    That is the pieces of a long message and the preferences stated in one breath. Facts stay.
    """
    first: dict[tuple[str, ...], int] = {}
    for index in order:
        memory = hits[index].memory
        key: tuple[str, ...] = (memory.id,)
        if memory.kind is not Kind.FACT and memory.sources:
            latest = memory.sources[-1]
            key = (memory.kind, latest.turn, latest.content)
        first.setdefault(key, index)
    leading = dict.fromkeys(first.values())
    return [*leading, *(index for index in order if index not in leading)]


def _is_in(prompt: str, memory: Memory) -> bool:
    """Whether the prompt holds all that the memory came from."""
    said = [source.content for source in memory.sources]
    return bool(said) and all(text and text in prompt for text in said)


@lru_cache(_REMEMBERED)
def _distinct(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    less, more = len(one), len(other)
    if not _ALIKE * more <= less <= more / _ALIKE:
        return False
    shared = len(one & other)
    return shared >= _ALIKE * (less + more - shared)


def _day(memory: Memory) -> int:
    """The day that a memory tells of, or was said on, in days since the epoch."""
    return (memory.time if memory.event_time is None else memory.event_time) // _DAY
