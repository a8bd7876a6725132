"""How two wordings are compared: one statement, one thing spoken of, nearly one text.

Pure text: casefolded words without punctuation, contractions spelt out. Good for keys, never shown.
Near duplicates are told by the words as they stand.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from gateway.memory.model import identifier

_STRAIGHT = str.maketrans(dict.fromkeys("\u2018\u2019\u201a\u00b4`", "'"))
_CONTRACTION = re.compile(
    r"\b(?P<verb>\w+)n't\b|\b(?P<who>i|you|we|they|he|she|it|that|there|here|what|who|"
    r"name)'(?P<clitic>m|ve|d|ll|re|s)\b|\b(?P<loose>im|ive|(?:do|does|did|is|are|was|"
    r"have|has|wo|ca)nt|cannot|gonna|wanna|let's|any more)\b",
    re.IGNORECASE,
)
_CLITICS = {"m": "am", "ve": "have", "d": "would", "ll": "will", "re": "are", "s": "is"}
_LOOSE = {
    "im": "I am", "ive": "I have", "cannot": "can not", "gonna": "going to", "wanna": "want to",
    "let's": "let us", "any more": "anymore",
}  # fmt: skip
_NEGATED = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_WORD = re.compile(r"[\w'+#%$€£/&-]*\w[\w'+#%]*")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What may stand before and behind the thing spoken of, and does not change which thing it is.
_LEADING = _set("""
    a an the any some all most my our his their its such very really too much many more that are is
    form forms kind kinds type types sort sorts of to not be being in on at with for from by
    anything something everything involve involves involving involved contain contains
    containing include includes including feature features featuring eat eating drink drinking watch
    watching play playing wear wearing use using read reading listen listening have having visit
    visiting go going do doing buy buying purchase purchasing attend attending try trying consume
    consuming drive driving own owning take taking see seeing get getting keep keeping avoid
    avoiding
    el los las le les der das den ein eine einen un una une
""")
_TRAILING = _set("""
    anymore now all at lot so much very too either again entirely completely though lately today
    days these a more anyway sehr mucho beaucoup
""")
_LINKING = _set("are is was were be been being have has had that which who")
_JOINING = _set("and or")
_HOLDERS = _set("activity food dish product item thing place situation meal sport exercise drink")
_HOLDING = ("involv", "contain", "includ", "featur")
_COMMON = _set("""
    a an the any some all my our your i me we us you it its that this in on at to of for from with
    by and or but am is are was were be been being do does did not no never longer anymore have has
    had will would can could should as so too very really just also still now currently ever
    always live living lived work working worked moved job name named called call go like love
    answer respond reply please
""")
_IN_IE = _set("""
    movie cookie zombie calorie smoothie selfie brownie veggie foodie rookie hoodie indie hippie
    newbie goodie budgie collie auntie genie sweetie serie specie
""")
_SPELLINGS = {"colour": "color", "colours": "colors", "flavour": "flavor", "flavours": "flavors"}
_KEY_WORDS = 8
UNTYPED = "said"  # leads the slot of a statement that no rule gives one
_ATTRIBUTE_LENGTH = 80
_ALIKE: Final = 0.8  # of two texts' words in both; LoCoMo has no such pair
_REMEMBERED: Final = 4096  # texts: one user's questions find the same memories again and again
_DISTINCT: Final = re.compile(r"\w+")


def plain(text: str) -> str:
    """One line with straight apostrophes, single spaces and contractions spelt out."""
    text = " ".join(unicodedata.normalize("NFKC", text).translate(_STRAIGHT).split())
    return _CONTRACTION.sub(_spelt_out, text)


def _spelt_out(match: re.Match[str]) -> str:
    if loose := (match["loose"] or "").lower():
        return _LOOSE.get(loose) or f"{_NEGATED.get(loose[:-2], loose[:-2])} not"
    if verb := match["verb"]:
        return f"{_NEGATED.get(verb.lower(), verb)} not"
    who = "I" if match["who"] == "i" else match["who"]
    return f"{who} {_CLITICS[match['clitic'].lower()]}"


def words(text: str) -> list[str]:
    """The casefolded words of a text, contractions spelt out."""
    return [word.strip("'-/&") for word in _WORD.findall(plain(text).casefold())]


def normalise(text: str) -> str:
    """What two ways to write one statement have in common."""
    return " ".join(words(text))


def object_key(phrase: str) -> str:
    """What a phrase speaks of: "eating any spicy foods at all" is "spicy food". May be empty."""
    left = [_SPELLINGS.get(word, word) for word in words(phrase)]
    while left and (left[0] in _LEADING or _of_something(left)):
        left.pop(0)
    while left and left[-1] in _TRAILING:
        left.pop()
    key = [_singular(word) for word in left if word not in _LINKING]
    if not _JOINING.isdisjoint(key):  # "books or films" and "films and books"
        key = sorted(set(key) - _JOINING)
    return " ".join(key[:_KEY_WORDS])


def _of_something(phrase: list[str]) -> bool:
    """Whether the first word only stands for what it holds: "foods containing gluten"."""
    verb = phrase[2:3] if phrase[1:2] in (["that"], ["which"]) else phrase[1:2]
    return _singular(phrase[0]) in _HOLDERS and bool(verb) and verb[0].startswith(_HOLDING)


def content_words(text: str) -> frozenset[str]:
    """The words that carry what is said: no function words, none that only name the slot."""
    return frozenset(_singular(word) for word in words(text)) - _COMMON


def shortened(text: str) -> str:
    """A statement's normal form, its end replaced by a digest where it is long."""
    whole = normalise(text)
    if len(whole) <= _ATTRIBUTE_LENGTH:
        return whole
    return f"{whole[: _ATTRIBUTE_LENGTH - 9]}~{identifier(whole)[:8]}"


def statement_attribute(text: str) -> str:
    """The slot that only this very statement fills."""
    return f"{UNTYPED}:{shortened(text)}"


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):  # noqa: PLR2004  "bus", "gas"
        return word
    if word.endswith("ies") and len(word) > 4 and word[:-1] not in _IN_IE:  # noqa: PLR2004  "ties"
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]


@lru_cache(_REMEMBERED)
def distinct(text: str) -> frozenset[str]:
    """The different words of a text in lower case, each as it stands."""
    return frozenset(_DISTINCT.findall(text.lower()))


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether texts of these distinct words are near duplicates."""
    less, more = len(one), len(other)
    if not _ALIKE * more <= less <= more / _ALIKE:
        return False
    shared = len(one & other)
    return shared >= _ALIKE * (less + more - shared)
