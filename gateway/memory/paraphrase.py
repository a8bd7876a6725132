"""Whether two statements of one slot say the same in other words.

Two judges must agree. The words: the same polarity, numbers, tense and things spoken of, the same
way round; similarity alone takes Bergen for Oslo and never for always. The meaning: a cosine
similarity of at least THRESHOLD. When in doubt they differ, for what is merged wrongly is lost and
what is not merged is only history.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway.memory.model import Candidate, Memory, Status, Vector
from gateway.memory.wording import content_words, plain, words

# Of 150 pairs that say the same the least similar has 0.68 (all-MiniLM-L6-v2).
THRESHOLD = 0.65


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIKING = _set("love like adore enjoy fan fond keen into appreciate")
_DISLIKING = _set("hate dislike detest loathe despise abhor")
_BEARING = _set("stand bear tolerate")  # said of what one cannot
_DENYING = _set("not never no without anymore nobody nothing neither stop stopped")
_NUMBERS = _set("""
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty both
    first second third single double half
""")
# When it is so, and which way round: of these both have the same, or they differ.
_TENSES = _set("was were had did will would could should must might")
_RELATIONS = _set("over from than instead rather before after until")
_PHRASES = re.compile(
    r"\b(from now on|suffer\w* from|(was|were|been|am) diagnosed with|at all|first(?= name))\b",
    re.IGNORECASE,
)
_MANNER = re.compile(
    r"(?!(rare|hard|bare|near|on|ear|fami|week|dai|month|year|former|previous|part|fortnight|"
    r"seasonal|Ju|bul|ho|bel|ug|f|re|app|supp)ly)\w+ly\Z"
)
# What names the slot, says how much or leads up to it, and not what is spoken of.
_FRAME = _set("""
    home place reside residing based house currently settled job profession occupation employed
    employer company firm called named name people year old age aged turned big huge great
    absolutely definitely actually truly simply honestly totally always alway lot eat drink eating
    drinking own drive got get person kind please reply write speak response answer living here
    these days right nowadays being at in over to into from absolute future respond started
""")
_LEFT_OUT = _FRAME | _LIKING | _DISLIKING | _BEARING | _DENYING | _NUMBERS
_SPELT = {
    "colour": "color", "favourite": "favorite", "kid": "child", "kids": "child",
    "children": "child", "using": "use", "allergic": "allergy", "allergies": "allergy",
    "mum": "mother", "mom": "mother", "dad": "father",
}  # fmt: skip


class _Essence(NamedTuple):
    """What has to be the same in both of two statements."""

    against: bool
    numbers: frozenset[str]
    frame: frozenset[str]
    spoken_of: tuple[str, ...]


def comparable(candidate: Candidate, known: Iterable[Memory]) -> list[Memory]:
    """What holds or held in the candidate's slot and may say the same, as far as the words tell."""
    essence = _essence(candidate.text)
    return [
        memory
        for memory in known
        if (memory.status is Status.ACTIVATED or memory.superseded_by)
        and memory.status is not Status.DELETED
        and (memory.kind, memory.attribute) == (candidate.kind, candidate.attribute)
        and (memory.speaker, memory.event_time) == (candidate.speaker, candidate.event_time)
        and _compatible(essence, _essence(memory.text))
    ]


def same(one: Vector, other: Vector) -> bool:
    """Whether two unit vectors of comparable statements mean the same."""
    return sum(a * b for a, b in zip(one, other, strict=True)) >= THRESHOLD


def _essence(text: str) -> _Essence:
    said = [_SPELT.get(word, word) for word in words(_PHRASES.sub(" ", plain(text)))]
    held = set(said)
    denies, dislikes = not held.isdisjoint(_DENYING), not held.isdisjoint(_DISLIKING)
    numbers = {word for word in said if word in _NUMBERS or any(map(str.isdigit, word))}
    spoken_of = [
        _SPELT.get(word, word)
        for each in said
        if not (each in _LEFT_OUT or each in numbers or _MANNER.match(each))
        for word in content_words(each) - _LEFT_OUT
    ]
    relations = held & _RELATIONS
    return _Essence(
        against=denies if held & _BEARING else denies != dislikes,
        numbers=frozenset(numbers),
        frame=frozenset(held & _TENSES | relations),
        # Which way round matters only where a word says so: "tea over coffee".
        spoken_of=tuple(spoken_of if relations else sorted(spoken_of)),
    )


def _compatible(one: _Essence, other: _Essence) -> bool:
    return one == other and bool(one.spoken_of or one.numbers)
