"""What the form of a text says of its use as an answer: whether it asks, tells when, says much.

Pure text; the words are English, the question marks of any language.
"""

import re
from functools import lru_cache
from typing import Final

_REMEMBERED: Final = 4096  # texts: one user's questions find the same memories again and again
_ENOUGH: Final = 12  # distinct words of four letters or more: then a text says something
_ASKS: Final = re.compile(r"[?\uff1f\u061f][\s\"')\]]*\Z")
# In Chinese what is told before a question ends in a comma: "I go to Rome, any tips?".
_BARE: Final = re.compile(
    r"(?!\s*(?:(?:I|we|my|our)\b|[\u6211\u54b1][^,\uff0c?\uff1f]{1,300}[,\uff0c]))"
    r"[^.!\u3002\d\n]{1,300}[?\uff1f]\s*",
    re.IGNORECASE,
)
_LONGER: Final = re.compile(r"\w{4,}")
# Which day, month or year, or for how long.
_ASKS_WHEN: Final = re.compile(
    r"^\s*(?:since when|what (?:date|day|month|year|time))\b|\bhow long\b"
    r"|^\s*when\b|\bwhen (?:did|is|was|will|does|do|are)\b",
    re.IGNORECASE,
)
_TELLS_WHEN: Final = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|recently|weekend|weeks?|months?|years?"
    r"|this (?:morning|summer|spring|fall|winter)|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_ONESELF: Final = re.compile(r"\b(?:I|my|mine|we|our|ours)\b", re.IGNORECASE)
_TO_YOU: Final = re.compile(
    r"\b(?:did|had|have) you\b|\byou(?: have| had|'ve|'d)? (?:advised|explained|gave|listed"
    r"|mentioned|proposed|recommended|said|suggested|told|wrote)\b",
    re.IGNORECASE,
)
_PAST: Final = re.compile(
    r"\b(?:used to|previous|previously|former|formerly|in the past|back then|at first|originally"
    r"|before(?:\s+(?:that|then|now))?\s*[?.]|before (?:I|we) (?:moved|changed|switched|started))",
    re.IGNORECASE,
)


def asks(text: str) -> bool:
    """Whether the text ends with a question."""
    return _ASKS.search(text[-8:]) is not None


@lru_cache(_REMEMBERED)
def only_asks(text: str) -> bool:
    """Whether the text is one question and tells nothing: "I'm going to Rome, any tips?" does."""
    return _BARE.fullmatch(text) is not None


def asks_when(question: str) -> bool:
    """Whether a time would answer the question."""
    return _ASKS_WHEN.search(question) is not None


def asks_of_oneself(question: str) -> bool:
    """Whether the question speaks of who asks it: "Which dog do I have?"."""
    return _ONESELF.search(question) is not None


def asks_what_you_said(question: str) -> bool:
    """Whether what the other one said would answer: "Which hotel did you recommend?"."""
    return _TO_YOU.search(question) is not None


def asks_of_the_past(question: str) -> bool:
    """Whether the question is about what is no longer so: "Where did I live before?"."""
    return _PAST.search(question) is not None


@lru_cache(_REMEMBERED)
def tells_when(text: str) -> bool:
    """Whether the text names a time."""
    return _TELLS_WHEN.search(text) is not None


@lru_cache(_REMEMBERED)
def substance(text: str) -> float:
    """How much the text says, 0..1: "Wow, thanks!" says little."""
    return min(1.0, len(set(_LONGER.findall(text.lower()))) / _ENOUGH)
