"""Ranking: what a search found, best first, cut to what is relevant and to what there is room for.

Pure functions. Relevance says whether a memory bears on the question at all; the order adds what
tells which bears most. Figures, each measured near the final values: recall within 350 words on
LoCoMo's dev half (people talking, 997 questions), and recall@10 of PrefEval's preferences, all 505
told to an assistant among small talk by one user.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeAlias

from gateway.memory.model import Hit, Kind, Memory, Millis, Speaker

# Of each arm. LoCoMo with 30: 80.6; 60: 81.2; 100: 81.1; 200: 81.1. Each costs time to read.
CANDIDATES: Final = 50

# A BM25 score divided by the root of the question's length (by chance it grows as that does) adds
# to a cosine as it is. Normalised to the best hit instead, and weighted 0.6 to 0.4, the arms reach
# 79.6 on LoCoMo, 34 instead of 44 on PrefEval (no small talk), and tell nothing of relevance.
_WORDS: Final = 1 / 20
# People's talk is asked about in its own words, an assistant's user by topic. Recall on LoCoMo and
# PrefEval: at 1/20 79.1 and 42.0, at 1/10 81.0 and 33.1, at 1/8 81.1 and 30.3.
_NAMED: Final = 2
_FEWEST: Final = 4  # words a question is taken to have at least: not every "ok" is about "ok"
_SHORT: Final = 3  # letters of a word that is not counted
_DENSE_UNKNOWN: Final = 0.3  # of what has no vector yet: between chance and earnest
# A preference bears on questions that do not name it. Of ten that a user has, the one that
# PrefEval asks for passes the floor in some 83%, and any in 3% of general questions.
_PREFERENCE: Final = 0.12
# Puts the measured floor, 0.40, at 0.45, the default threshold of the MemOS API. It lets through
# 99% of LoCoMo's evidence and 86% of forty things told to an assistant. Of general questions
# ("What is the capital of France?") 1% get anything at all past it among 16 memories, 8% among 90
# and 18% among 600.
_SCALE: Final = 0.45 / 0.40

# A user's bare question says what was asked, not what is so: asked again, it would find itself.
_ASKED: Final = 0.3

_CONVERSATION: Final = 0.3  # of a conversation's best, for all of it: 79.1 -> 80.5
_PERIOD: Final = 0.15  # said when the question says: 80.0 -> 81.1
_AFTERWARDS: Final = 7  # days in which one tells of what happened
_OWN_WORDS: Final = 0.08  # a user's to an assistant: PrefEval 39.6 -> 42.0
_CURRENT: Final = 0.05  # for what was said in the conversation that asks
_ALIKE: Final = 0.8  # of two texts' words in both; LoCoMo has no such pair
_BRIEF: Final = 400  # characters of a message that is shown in place of a statement it makes
_TOKEN: Final = 4  # characters

_DAY: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_YEARS: Final = 20
_WORD: Final = re.compile(r"\w+")
_QUESTION: Final = re.compile(r"[^.!\n]{1,300}\?\s*")
_DATE: Final = re.compile(r"^\[[\d-]+\] ")
_MONTHS: Final = "janfebmaraprmayjunjulaugsepoctnovdec"
_COUNTS: Final = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_M: Final = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_D: Final = r"\b(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_Y: Final = r"(?P<year>(?:19|20)\d\d)\b"
_WHEN: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b",
        rf"{_D}(?: of)? {_M}(?:,? {_Y})?",
        rf"\b{_M}\.? {_D}(?:,? {_Y})?",
        rf"\b{_M}(?:,| of)? {_Y}",
        rf"\b(?:in|of|during|since|last|early|late|mid) {_M}",  # "may" and "march" are verbs too
        rf"\b(?:in|of|during|since) {_Y}",
        rf"\b(?P<count>\d{{1,2}}|{'|'.join(_COUNTS)}) (?P<unit>day|week|month|year)s? ago\b",
        r"\blast (?P<unit>week|month|year)\b",
        r"\byesterday\b",
    )
)

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
    made from it the lesser, or the statement if the message is brief. `now` resolves "last week".
    The memories of `conversation`, the one that asks, come a little sooner.
    """
    hits, scores = _absorbed(hits, _scores(hits, question))
    prompt = "\n".join(present)
    shown: list[Ranked] = []
    words: list[frozenset[str]] = []
    sources: set[tuple[bool, str, str]] = set()
    left = math.inf if token_budget is None else token_budget
    for index in _order(hits, scores, _named_days(question, now), conversation):
        if len(shown) >= limit:
            break
        memory = hits[index].memory
        relevance = min(max(_SCALE * sum(scores[index]), 0.0), 1.0)
        cost = -(-len(memory.text) // _TOKEN)
        if relevance < floor or cost > left or _is_in(prompt, memory):
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
    return shown


def merit(question: str) -> Callable[[float | None, float | None], float]:
    """How a search is to weigh a hit's two scores, where it shall not read all that it found.

    Between the weights of a named speaker's words and of others': who speaks is not known yet.
    """
    weight = _weight(question) * (1 + _NAMED) / 2

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
        if hit.memory.kind is Kind.PREFERENCE:
            meaning += _PREFERENCE
        counts = _ASKED if _only_asks(hit.memory) else 1.0
        scores.append((counts * meaning, counts * weight * (hit.lexical or 0.0)))
    return scores


def _only_asks(memory: Memory) -> bool:
    """Whether it is a question that a user put to an assistant, and nothing else."""
    if memory.kind is not Kind.EPISODE or memory.speaker is not Speaker.USER:
        return False
    said = memory.sources[0] if memory.sources else None
    return said is not None and not said.name and bool(_QUESTION.fullmatch(said.content))


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
    days: Collection[int],
    current: str,
) -> list[int]:
    """The hits' indices, best first; of equals the later said."""
    totals = []
    best: dict[str, float] = {}
    for hit, (meaning, words) in zip(hits, scores, strict=True):
        memory = hit.memory
        named = bool(memory.sources and memory.sources[0].name)
        total = meaning + words * (_NAMED if named else 1)
        if memory.speaker is Speaker.USER and not named:
            total += _OWN_WORDS
        if days and _day(memory) in days:
            total += _PERIOD
        if current and memory.conversation == current:
            total += _CURRENT
        totals.append(total)
        best[memory.conversation] = max(total, best.get(memory.conversation, total))
    for index, hit in enumerate(hits):
        conversation = hit.memory.conversation
        totals[index] += _CONVERSATION * (best[conversation] if conversation else totals[index])
    return sorted(
        range(len(hits)), key=lambda i: (-totals[i], -hits[i].memory.time, hits[i].memory.id)
    )


def _is_in(prompt: str, memory: Memory) -> bool:
    """Whether the prompt holds all that the memory came from."""
    said = [source.content for source in memory.sources]
    return bool(said) and all(text and text in prompt for text in said)


def _distinct(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    less, more = sorted((len(one), len(other)))
    return less >= _ALIKE * more and len(one & other) >= _ALIKE * len(one | other)


def _day(memory: Memory) -> int:
    """The day that a memory tells of, or was said on, in days since the epoch."""
    return (memory.time if memory.event_time is None else memory.event_time) // _DAY


def _named_days(question: str, now: Millis) -> frozenset[int]:
    """The days that a question names, in days since the epoch, and the week after them.

    "in May 2023", "on 8 May", "in 2022", "last month", "three weeks ago"; English. A date without
    its year is that date of each of the last twenty.
    """
    today = date.fromordinal(_EPOCH + now // _DAY)
    found = (match for form in _WHEN if (match := form.search(question)))
    match = next(found, None)
    if match is None:
        return frozenset()
    named = {key: text.lower() for key, text in match.groupdict(default="").items()}
    days: set[int] = set()
    for first, last in _spans(named, today):
        days.update(range(first - _EPOCH, last - _EPOCH + 1 + _AFTERWARDS))
    return frozenset(days)


def _spans(named: dict[str, str], today: date) -> Iterator[tuple[int, int]]:
    """The first and the last day, as ordinals, of what the parts of a date name."""
    if "month" in named or "year" in named:
        month = named.get("month", "")
        number = int(month) if month.isdigit() else _MONTHS.find(month[:3]) // 3 + 1
        years = range(today.year - _YEARS, today.year + 1)
        for year in [int(named["year"])] if named.get("year") else years:
            yield from _span(year, number if month else 0, int(named.get("day") or 0))
        return
    count = named.get("count", "")
    back = int(count) if count.isdigit() else _COUNTS.get(count, 1)
    match named.get("unit", "day"):
        case "year":
            yield from _span(today.year - back, 0, 0)
        case "month":
            year, month0 = divmod(today.year * 12 + today.month - 1 - back, 12)
            yield from _span(year, month0 + 1, 0)
        case unit:
            day = today.toordinal() - back * (7 if unit == "week" else 1)
            around = 3 if unit == "week" else 0
            yield day - around, day + around


def _span(year: int, month: int, day: int) -> Iterator[tuple[int, int]]:
    """A year, a month of it or a day of that; nothing where the calendar has none."""
    try:
        first = date(year, month or 1, day or 1)
        if day:
            last = first
        elif month:
            last = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
        else:
            last = date(year, 12, 31)
    except ValueError:
        return
    yield first.toordinal(), last.toordinal()
