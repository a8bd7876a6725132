"""Ranking: what a search found, best first, cut to what is relevant and to what there is room for.

Pure functions. Relevance says whether a memory bears on the question at all; the order adds what
tells which bears most. Figures, each measured near the final values: recall@10 on LoCoMo's dev half
(people talking, 997 questions); recall@10 of PrefEval's preferences, all 505 told to an assistant
among small talk by one user; and the mean reciprocal rank of what a made-up person told an
assistant who answers at length (tests/quality/told.py, 58 questions).
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.memory.file_share import is_from_file, most_from_files
from gateway.memory.model import Hit, Kind, Memory, Millis
from gateway.memory.ordering import order
from gateway.memory.relevance import Score, relevance, scores
from gateway.memory.telling import asks_of_oneself
from gateway.memory.tokens import tokens
from gateway.memory.wording import alike, distinct

# Of each arm. LoCoMo with 30: 80.6; 60: 81.2; 100: 81.1; 200: 81.1. Each costs time to read.
CANDIDATES: Final = 50
_BRIEF: Final = 400  # characters of a message that is shown in place of a statement it makes
_DATE: Final = re.compile(r"^\[[\d-]+\] ")


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
    `token_budget` tokens in all. Left out: what `present`, the texts that the prompt holds already,
    say word for word; near duplicates; and of a message and a statement made from it the lesser, or
    the statement if the message is brief. Of a long message in several pieces one comes in its turn
    and the rest after everything else. `now` resolves "last week". The memories of `conversation`,
    the one that asks, come a little sooner. At most half is from files, unless nothing else is
    relevant.
    """
    hits, found = _absorbed(hits, scores(hits, question))
    prompt = "\n".join(present)
    shown: list[Ranked] = []
    words: list[frozenset[str]] = []
    sources: set[tuple[bool, str, str]] = set()
    left = math.inf if token_budget is None else token_budget
    best_first = order(hits, found, question, now, conversation)
    of_oneself = asks_of_oneself(question)

    def relevance_of(index: int) -> float:
        return relevance(found[index], hits[index].memory, of_oneself=of_oneself)

    relevant = (hits[index].memory for index in best_first if relevance_of(index) >= floor)
    files_left = most_from_files(relevant, limit)
    for index in _one_of_each_message(hits, best_first):
        if len(shown) >= limit:
            break
        memory = hits[index].memory
        how_relevant = relevance_of(index)
        cost = tokens(memory.text)
        if how_relevant < floor or cost > left or _is_in(prompt, memory):
            continue
        if is_from_file(memory) and not files_left:
            continue
        episode = memory.kind is Kind.EPISODE
        if any((not episode, s.turn, s.content) in sources for s in memory.sources):
            continue
        own = distinct(_DATE.sub("", memory.text))
        if any(alike(own, other) for other in words):
            continue
        shown.append(Ranked(memory=memory, relevance=how_relevant))
        words.append(own)
        sources.update((episode, s.turn, s.content) for s in memory.sources)
        left -= cost
        files_left -= is_from_file(memory)
    return shown


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


def _absorbed(
    hits: Sequence[Hit], scored: Sequence[Score]
) -> tuple[Sequence[Hit], Sequence[Score]]:
    """Without the statements that a brief message among the hits says word for word.

    Such a message is found by its statements too, and says in what connection they were made.
    """
    statements = [i for i, hit in enumerate(hits) if hit.memory.kind is not Kind.EPISODE]
    if not statements:
        return hits, scored
    brief = {
        (source.turn, source.content): index
        for index, hit in enumerate(hits)
        if hit.memory.kind is Kind.EPISODE and len(hit.memory.text) <= _BRIEF
        for source in hit.memory.sources
    }
    best, absorbed = list(scored), set[int]()
    for index in statements:
        memory = hits[index].memory
        stated = memory.text.lower().rstrip(".!")
        for source in memory.sources:
            message = brief.get((source.turn, source.content))
            if message is not None and stated in hits[message].memory.text.lower():
                best[message] = max(best[message], scored[index], key=sum)
                absorbed.add(index)
    left = [index for index in range(len(hits)) if index not in absorbed]
    return [hits[index] for index in left], [best[index] for index in left]


def _one_of_each_message(hits: Sequence[Hit], best_first: Sequence[int]) -> list[int]:
    """The order, with all further of what one message gave of a kind at the end.

    That is the pieces of a long message and the preferences stated in one breath. Facts stay.
    """
    first: dict[tuple[str, ...], int] = {}
    for index in best_first:
        memory = hits[index].memory
        key: tuple[str, ...] = (memory.id,)
        if memory.kind is not Kind.FACT and memory.sources:
            latest = memory.sources[-1]
            key = (memory.kind, latest.turn, latest.content)
        first.setdefault(key, index)
    leading = dict.fromkeys(first.values())
    return [*leading, *(index for index in best_first if index not in leading)]


def _is_in(prompt: str, memory: Memory) -> bool:
    """Whether the prompt holds all that the memory came from."""
    said = [source.content for source in memory.sources]
    return bool(said) and all(text and text in prompt for text in said)
