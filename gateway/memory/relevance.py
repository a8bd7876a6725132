"""How relevant a hit is to the question: what its meaning and its words say of that together.

What the figures were measured on, `ranking` says.
"""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from gateway.memory.model import Hit, Kind, Memory
from gateway.memory.speakers import is_question, own_word
from gateway.memory.wording import distinct

# A BM25 score divided by the root of the question's length (by chance it grows as that does) adds
# to a cosine as it is. Normalised to the best hit instead, and weighted 0.6 to 0.4, the arms reach
# 1.5 less on LoCoMo, 34 instead of 44 on PrefEval, and tell nothing of relevance.
_WORDS: Final = 1 / 20
_FEWEST: Final = 4  # words a question is taken to have at least: not every "ok" is about "ok"
_SHORT: Final = 3  # letters of a word that is not counted
DENSE_UNKNOWN: Final = 0.3  # of what has no vector yet: between chance and earnest
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

Score: TypeAlias = tuple[float, float]  # by meaning and by words in common


def weight_of_words(question: str) -> float:
    """What a BM25 score counts for beside a cosine."""
    length = max(_FEWEST, sum(len(word) > _SHORT for word in distinct(question)))
    return _WORDS / math.sqrt(length)


def scores(hits: Sequence[Hit], question: str) -> list[Score]:
    """What meaning and what words in common say for each hit: some 0.2 by chance, 0.7 in earnest.

    What the dense arm did not score has no vector yet, or the question has none.
    """
    weight = weight_of_words(question)
    found = []
    for hit in hits:
        meaning = DENSE_UNKNOWN if hit.dense is None else hit.dense
        if hit.memory.kind is Kind.PREFERENCE and not hit.memory.contributor:
            meaning += _PREFERENCE
        counts = _ASKED if is_question(hit.memory) else 1.0
        found.append((counts * meaning, counts * weight * (hit.lexical or 0.0)))
    return found


def relevance(score: Score, memory: Memory, *, of_oneself: bool) -> float:
    """How relevant a memory of this score is, 0..1; `of_oneself`: to who asks about themselves."""
    nearer = _OF_ONESELF if of_oneself and own_word(memory) else 0.0
    return calibrated(sum(score) + nearer)


def calibrated(score: float) -> float:
    """The relevance, 0..1, of a similarity, or of what meaning and words say together."""
    return min(max(_SCALE * score, 0.0), 1.0)
