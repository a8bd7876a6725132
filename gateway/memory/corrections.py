"""What a feedback asks for, by its wording alone: other words, or to be forgotten. Pure.

English, and the plainest of German, Spanish, French, Chinese and Japanese. What is asked for
nowhere in these words is a statement like any other, less the words that only say that something
was wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gateway.memory.rules.grammar import regex
from gateway.memory.rules.sentences import own_words

MOST = 5  # requests of one feedback
_LONGEST = 300  # characters of a phrase


@dataclass(frozen=True, slots=True)
class Forget:
    """What is spoken of is to be forgotten."""

    what: str


@dataclass(frozen=True, slots=True)
class Instead:
    """Where it says `old` it is to say `new`, or what the sentence `said` says."""

    old: str
    new: str = ""
    said: str = ""


Request: TypeAlias = Forget | Instead

_WRONG = regex(r"""
    (no|nope|nah|not quite|actually|wait|sorry|hey|hmm|please note|correction|wrong|incorrect|
    (that|this|it) ?(is|was|'s|isn't|is not|was not) (all )?(wrong|incorrect|false|not true|
    not right|not correct|outdated|out of date|a mistake|an error|true|right|correct)|
    you (are|were|got) (it |that |this )?wrong|you('re| have| made) (wrong|a mistake)|
    nein|stimmt nicht|das (stimmt nicht|ist (falsch|nicht richtig))|falsch|
    no es (cierto|correcto|verdad)|eso (no es (cierto|correcto|verdad)|es incorrecto)|incorrecto|
    non|c'est faux|ce n'est pas (vrai|correct)|faux|
    \u4e0d|\u4e0d\u5bf9|\u9519\u4e86|\u8fd9\u4e0d\u5bf9|
    \u3044\u3044\u3048|\u9055\u3044\u307e\u3059|\u9055\u3046)
    (?![\w'])[\s,.:;!\u3002\uff0c\u3001\uff01\u2013\u2014-]*
""")
_WRONG_CJK = re.compile(
    "(?:\u4e0d\u5bf9|\u9519\u4e86|\u8fd9\u4e0d\u5bf9|\u4e0d\u662f\u7684|"
    "\u3044\u3044\u3048|\u9055\u3044\u307e\u3059)[\\s\u3002\uff0c\u3001,.!\uff01]+"
)
_ASKED = r"(please,? |kindly |can you |could you |you (should|must|can) |bitte |por favor,? )*"
_FORGET = regex(
    _ASKED
    + r"(forget|delete|erase|remove|drop|unlearn|stop remembering|don't remember|do not remember|"
    r"no longer remember|never mention|stop mentioning|vergiss|lösche|olvida|borra|elimina|oublie|"
    r"supprime|efface)(,| about| the (fact|memory|idea)| everything about| anything about|"
    r" all about| any mention of| what I (said|told you) about| from (your )?memory| that|,? dass|"
    r" que|:)* (what=\S.*)"
)
_FORGET_CJK = re.compile(
    "(?:\u8bf7)?(?:\u5fd8\u8bb0|\u5fd8\u6389|\u5220\u9664)(?P<what>[^\u3002\uff0c,]+)|"
    "(?P<that>[^\u3002\u3001]+?)(?:\u3053\u3068)?\u3092(?:\u5fd8\u308c|\u524a\u9664)"
)
_FROM_TO = regex(
    _ASKED + r"(change|update|correct|move|switch) .{1,80}? from (old=.+?) (to|into) (new=.+)"
)
_REPLACE = regex(
    _ASKED
    + r"((replace|swap) (old=.+?) (by|with|for)|(change|update|correct|rename|fix) (was=.+?) "
    r"(to|into)|(ersetze) (alt=.+?) durch|(reemplaza|cambia|sustituye) (viejo=.+?) por|"
    r"(remplace) (vieux=.+?) par) (new=.+)"
)
_SHOULD_BE = regex(
    r"(it |that |this )?(?!I\b)(old=[^,]{2,60}?) (should|must) (be|read|say) (new=[^,]{2,80})"
)
_NOT_BUT = regex(
    r"(it|that|this|he|she|they)?('s| is| was|s)? ?(not|no es|ce n'est pas|nicht) (old=[^,]{1,60}?)"
    r"(,? but|,? sondern|,? sino|,? mais|[,;.] ?(it|that|this) ?(is|'s|was)) (new=[^,]{1,80})"
)
_NOT_BUT_CJK = re.compile(
    "\u4e0d\u662f(?P<old>[^\uff0c,\u3002]+)[\uff0c,]?(?:\u800c)?\u662f(?P<new>[^\uff0c,\u3002]+)|"
    "\u628a(?P<was>[^\uff0c,\u3002]+)\u6539\u6210(?P<now>[^\uff0c,\u3002]+)|"
    "(?P<then>[^\u3001\u3002]+?)\u3067\u306f\u306a\u304f(?:\u3001)?(?P<instead>[^\u3001\u3002]+?)"
    "(?:\u3067\u3059|\u3060|\u306b.*|$)"
)
_SAID_NOT = regex(
    r"(said=.+?)(, (and )?not( in| at| from| on| to| as| an?| the)?|,? (rather than|instead of|"
    r"and no longer)( in| at| from)?|, nicht( in| aus)?|, y no( en)?|, (et )?pas( à| en)?) "
    r"(old=[^,.;!?]{1,60})"
)
_SAID_NOT_CJK = re.compile(
    "(?P<said>[^\uff0c,\u3002]+)[\uff0c,]\u4e0d\u662f(?P<old>[^\uff0c,\u3002]+)[\u3002.]?"
)
_STATING = regex(r"(it|that|this|he|she) ?('s|is|was) (new=\S.*)|I (meant|said) (then=\S.*)")
_VAGUE = regex(r"""
    (it|that|this|these|those|them|me|us|everything|anything|all|all of (it|that|this|them)|
    all (my |the |your )?memor(y|ies)|what I said|the (above|previous) .*|instructions?|.* prompt)
    ( please)?
""")


def read(text: str) -> list[Request]:
    """What a feedback asks for, in its order; no more than MOST."""
    return [request for request, _ in _sentences(text) if request is not None][:MOST]


def rest(text: str) -> str:
    """What a feedback states: without what is to be forgotten or said otherwise."""
    return "\n".join(stated for _, stated in _sentences(text) if stated)


def _sentences(text: str) -> Iterator[tuple[Request | None, str]]:
    """Of each sentence what it asks for, if anything, and what it states."""
    own = own_words(text)
    for sentence in map(own.reveal, own.sentences):
        bare = _right(sentence)
        if not bare:
            continue
        request = _request(bare)
        if isinstance(request, Instead):
            yield request, request.said
        else:
            yield request, "" if request else bare


def _right(sentence: str) -> str:
    """The sentence without the words before it which say that something was wrong."""
    for _ in range(4):
        found = _WRONG.match(sentence) or _WRONG_CJK.match(sentence)
        if not found or not found.group():
            break
        sentence = sentence[found.end() :]
    return sentence.strip()


def _request(sentence: str) -> Request | None:
    if found := _FORGET.match(sentence) or _FORGET_CJK.match(sentence):
        what = _phrase(next(filter(None, found.groupdict().values()), ""))
        return None if not what or _VAGUE.fullmatch(what) else Forget(what)
    for pattern in (_FROM_TO, _REPLACE):
        if found := pattern.match(sentence):
            return _instead(found)
    not_that = _SAID_NOT.fullmatch(sentence.rstrip(".! ")) or _SAID_NOT_CJK.fullmatch(sentence)
    if found := not_that:
        said, old = found["said"].strip(), _phrase(found["old"])
        if stating := _STATING.fullmatch(said):
            said = _phrase(stating["new"] or stating["then"])
        return Instead(old, said=said) if old and said else None
    for pattern in (_NOT_BUT, _NOT_BUT_CJK, _SHOULD_BE):
        if found := pattern.match(sentence):
            return _instead(found)
    return None


def _instead(found: re.Match[str]) -> Instead | None:
    named = {name: value for name, value in found.groupdict().items() if value}
    new = _phrase(named.pop("new", "") or named.pop("now", "") or named.pop("instead", ""))
    old = _phrase(next(iter(named.values()), ""))
    return Instead(old, new) if old and new and old != new else None


def _phrase(text: str) -> str:
    return text.strip().rstrip(".!?\u3002\uff01 ").strip("\"'\u201c\u201d\u2018\u2019 ")[:_LONGEST]
