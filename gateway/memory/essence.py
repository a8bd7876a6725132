"""What a statement says as far as its words tell: of what, and how one stands to it.

Pure text. "I have a strong aversion to heights" and "I can't stand heights" both speak of heights,
against them. English; of other languages it tells only which words there are.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.memory.wording import content_words, plain, words


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# How one stands to a thing, for it or against it.
_LIKING = _set("""
    love like adore enjoy fan fond keen into appreciate prefer preference passion passionate
    enthusiast enthusiastic lover advocate interest interested favor favour fascinated obsessed
    comfortable affinity penchant fondness support value believe only exclusively always
""")
_DISLIKING = _set("""
    hate dislike detest loathe despise abhor avoid refuse fear phobia aversion averse distaste
    disdain hatred uncomfortable afraid scared terrified wary allergic allergy intolerance
    intolerant opposed oppose object objection against reluctant hesitant uninterested disinterested
    shun skip dread anxious nervous boycott distrust resent disgusted repulsed bothered bored
    frightened petrified unwilling skeptical phobic hater mind problem problems trouble
""")
_BEARING = _set("stand bear tolerate handle")  # said of what one cannot
_DENYING = _set("not never no without anymore nobody nothing neither stop stopped")
_AVOIDING = re.compile(
    r"\b(?:(?:stay|keep|steer|shy) (?:away|clear)|abstain\w*|refrain\w*) (?:from|of)\b",
    re.IGNORECASE,
)
_CRAVING = re.compile(
    r"\bcan not (?:\w+ly )?(?:resist|get enough of|wait for|(?:live|do|be|function) without)\b",
    re.IGNORECASE,
)
_NUMBERS = _set("""
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty both
    first second third single double half
""")
# When it is so, for how much of it, and which way round.
_TENSES = _set("was were had did will would could should must might")
_CONDITIONS = _set("if when whenever unless except while only during but")
_RELATIONS = _set("over from than instead rather before after until")
_REASON = re.compile(
    r"\b(?:because|since|due to|owing to|out of|on account of|"
    r"as (?:I|it|they|he|she|we|my|their|its)\b|for (?:\w+ ){0,2}(?:reasons?|purposes)\b)[^,;.!]*",
    re.IGNORECASE,
)
_JOINING = _set("and but so or yet which who that")
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
_DEGREES = _set("""
    strong strict severe acute extreme deep deep-seated intense serious terrible mild slight
    general particular personal complete bit little much
""")
_LEFT_OUT = _FRAME | _DEGREES | _LIKING | _DISLIKING | _BEARING | _DENYING | _NUMBERS
_SPELT = {
    "colour": "color", "favourite": "favorite", "kid": "child", "kids": "child",
    "children": "child", "using": "use", "allergic": "allergy", "allergies": "allergy",
    "mum": "mother", "mom": "mother", "dad": "father",
}  # fmt: skip
_REMEMBERED = 512  # statements: those of one slot are compared again and again


class Essence(NamedTuple):
    """What a statement says.

    `against` is how it stands to the thing, None where no word says so, and `tense` when it does;
    `turned` whether what comes after denies or dislikes something too. `frame` are all words of
    time, condition and relation; `opening` is what its first clause speaks of.
    """

    against: bool | None
    turned: bool
    tense: frozenset[str]
    numbers: frozenset[str]
    frame: frozenset[str]
    opening: frozenset[str]
    spoken_of: tuple[str, ...]


@lru_cache(_REMEMBERED)
def essence(text: str) -> Essence:
    """The essence of a statement, its reason left out unless that is all there is."""
    said = _said(_REASON.sub(" ", plain(text)))
    if not _things(said):
        said = _said(text)
    lead, rest = _led_up(said)
    things, relations = _things(said), _RELATIONS & frozenset(said)
    return Essence(
        against=_against(lead),
        turned=not rest.isdisjoint(_DENYING | _DISLIKING),
        tense=lead & _TENSES,
        numbers=frozenset(word for word in said if _is_number(word)),
        frame=frozenset(said) & (_TENSES | _CONDITIONS) | relations,
        opening=frozenset(_things(_clause(said))),
        # Which way round matters only where a word says so: "tea over coffee".
        spoken_of=tuple(things if relations else sorted(things)),
    )


def fullness(text: str) -> int:
    """How much a statement speaks of, its reason included."""
    return len(set(_things(_said(text))))


def thing(text: str) -> str:
    """What a statement speaks of, in its own words and order; all of it, if nothing.

    "I strongly dislike seafood, because it smells." speaks of "seafood".
    """
    said = plain(text)
    for lead in (_REASON, _AVOIDING, _CRAVING, _PHRASES):
        said = lead.sub(" ", said)
    return " ".join(word for word in words(said) if _things([_SPELT.get(word, word)])) or text


def _said(text: str) -> list[str]:
    text = _PHRASES.sub(" ", _CRAVING.sub("love", _AVOIDING.sub("avoid", plain(text))))
    return [_SPELT.get(word, word) for word in words(text)]


def _led_up(said: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The words that say how one stands to the thing, and the rest.

    Those before it, or if none of them says so, those of its clause: "I have a nut allergy". Where
    the thing comes first, all of them.
    """
    end = next((n for n, word in enumerate(said) if _things([word])), len(said))
    if end in (0, len(said)):
        return frozenset(said), frozenset()
    if _against(said[:end]) is None:
        end = len(_clause(said))
    return frozenset(said[:end]), frozenset(said[end:])


def _clause(said: Sequence[str]) -> Sequence[str]:
    """The first clause that speaks of something."""
    spoken = False
    for number, word in enumerate(said):
        if spoken and word in _JOINING:
            return said[:number]
        spoken = spoken or bool(_things([word]))
    return said


def _against(lead: Collection[str]) -> bool | None:
    denies, dislikes, bears, likes = (
        not those.isdisjoint(lead) for those in (_DENYING, _DISLIKING, _BEARING, _LIKING)
    )
    if not (denies or dislikes or bears or likes):
        return None
    return denies if bears else denies != dislikes


def _things(said: Iterable[str]) -> list[str]:
    return [
        _SPELT.get(word, word)
        for each in said
        if not (each in _LEFT_OUT or _is_number(each) or _MANNER.match(each))
        for word in content_words(each) - _LEFT_OUT
    ]


def _is_number(word: str) -> bool:
    return word in _NUMBERS or any(map(str.isdigit, word))
