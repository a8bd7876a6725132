"""What a model proposes to remember, held against the turn: what it cannot show is left out.

Pure. A proposal rests on a quote that must be found in the turn; who said it is decided by where
the quote lies, not by what the model claims, and only the user's own words make the user's word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from gateway.memory import dates, redaction, screening
from gateway.memory.model import Candidate, Kind, Millis, Source, Speaker, Turn
from gateway.memory.proposals import slots
from gateway.memory.proposals.asking import shown
from gateway.memory.proposals.quotes import Place, Quotes
from gateway.memory.rules import clauses, relations
from gateway.memory.rules.grammar import regex
from gateway.memory.wording import content_words, normalise, plain

MOST = 20  # candidates of a turn
READ = 60  # proposals of a turn that are looked at
LONGEST = 300  # characters of a statement
_LONGEST_QUOTE = 400
_LONGEST_NAME = 160  # of a subject or an attribute

_KINDS = {"fact": Kind.FACT, "preference": Kind.PREFERENCE, "tool": Kind.TOOL}
_THE_USER = frozenset({"", "user", "the user", "i", "me", "myself", "self"})
# Confidence: a rule that read the user's own sentence has 0.8.
_LEAST, _UNSAID = 0.3, 0.6
_STATED, _SHOWN, _VIEW = 0.9, 0.6, 0.5  # at most: stated by the user, shown by them, all else
_GROUNDED = 0.6  # share of a statement's words that were said
_DAY = re.compile(r"((?:19|20)\d\d)(?:-(\d\d))?(?:-(\d\d))?(?:$|T)")

_DENIED = regex(r"""
    \b(not|no|never|none|nothing|without|kein\w*|nicht|nie|nichts|ne|pas|jamais|rien|nunca|nada|
    sin|tampoco|hardly)\b|[不没沒非]|ない|ません
""")
_CLAUSE = re.compile(r"[.,;:!?…]|\b(?:and|but|und|aber|y|pero|et|mais)\b")
_FIRST_PERSON = regex(
    r"\b(i|im|ive|my|mine|me|myself|we|us|our|ours|ich|wir|yo|nosotros|je|nous)\b"
)
_MYSELF = regex(r"(I|im|ive|we)\b")
_ANOTHER = regex(r"""
    (he|she|they|his|her|their|(my|our) (\w+ )?(friend|colleague|coworker|co-worker|neighbou?r|
    teacher|client|customer|classmate|acquaintance|stranger)s?|(?-i:[A-Z][a-z]+)( (?-i:[A-Z])\w+)?\s
    (is|was|has|had|lives|works|likes|loves|hates|prefers|wants|needs|says|said|told|moved|went|
    studies|speaks|owns|plays|bought|became|got)|
    er|meine? (freund\w*|kolleg\w*|chef\w*|nachbar\w*|bruder|schwester|mutter|vater|frau|mann|sohn|
    tochter|eltern|oma|opa)|
    él|ella|ellos|mi (amig[oa]|herman[oa]|madre|padre|espos[oa]|hij[oa]|novi[oa]|jef[ea]|
    vecin[oa])s?|
    ils?|elles?|(mon|ma|mes) (ami\w*|frère|sœur|mère|père|mari|femme|fils|fille|copain|copine|
    collègue|voisine?)s?)\b(?! (and|und|y|et) (I|me|ich|yo|moi)\b)|
    [他她彼]|我的?(朋友|同事|妈|爸|姐|妹|哥|弟|老婆|老公|妻子|丈夫|儿子|女儿)|
    (私の)?(友達|友人|同僚|母|父|姉|妹|兄|弟|妻|夫|息子|娘)[はがもの]
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    """A proposal whose members have the types they should; what may be missing has a default."""

    kind: Kind
    text: str
    quote: str
    subject: str
    attribute: str
    explicit: bool
    standing: bool
    when: str
    confidence: float


def candidates(proposals: Iterable[Any], turn: Turn) -> list[Candidate]:
    """The proposals that hold, in the order in which they were said, each statement once.

    `proposals` may be any JSON. Whatever order they come in, the same ones give the same.
    """
    quotes = Quotes(turn)
    found: dict[tuple[int, str], tuple[tuple[int, int], Candidate]] = {}
    for proposal in _readable(islice(proposals, READ)):
        place = quotes.find(proposal.quote, tools=proposal.kind is Kind.TOOL)
        if place is None or (candidate := _candidate(proposal, place, turn)) is None:
            continue
        said = (place.order, candidate)
        key = (place.order[0], normalise(candidate.text))
        found[key] = min(found.get(key, said), said, key=_rank)
    return [candidate for _, candidate in sorted(found.values(), key=_rank)][:MOST]


def _rank(held: tuple[tuple[int, int], Candidate]) -> tuple[Any, ...]:
    """Where it was said first; among equals, an order that is the same every time."""
    order, it = held
    return (order, it.attribute, it.text, it.kind, -it.confidence, it.event_time or 0, it.explicit)


def _readable(proposals: Iterable[Any]) -> Iterator[_Proposal]:
    for item in proposals:
        if not isinstance(item, Mapping):
            continue
        kind, quote = _KINDS.get(_string(item, "kind").casefold()), _string(item, "quote")
        if kind is None or not 0 < len(quote) <= _LONGEST_QUOTE:
            continue
        yield _Proposal(
            kind=kind,
            text=_string(item, "text"),
            quote=quote,
            subject=_string(item, "subject").casefold()[:_LONGEST_NAME],
            attribute=_string(item, "attribute")[:_LONGEST_NAME],
            explicit=item.get("explicit") is not False,
            standing=item.get("standing") is True,
            when=_string(item, "event_date"),
            confidence=_confidence(item.get("confidence")),
        )


def _string(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    # Half a surrogate pair, which JSON can hold, is nothing that could be stored.
    return value.encode("utf-8", "ignore").decode().strip() if isinstance(value, str) else ""


def _confidence(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNSAID
    return float(value) if 0 <= value <= 1 else _UNSAID


def _candidate(proposal: _Proposal, place: Place, turn: Turn) -> Candidate | None:
    if proposal.confidence < _LEAST or _refused(proposal, place):
        return None
    user = place.speaker is Speaker.USER
    instruction = user and proposal.standing and proposal.kind is Kind.PREFERENCE
    attribute = _of_whom(proposal, place)
    whole = instruction or (_names_theirs(attribute) and not _tells_of_theirs(proposal.text))
    text = screening.neutralise(place.sentence if whole else _grounded(proposal, place))
    if not text or len(text) > LONGEST:
        return None
    when = _when(proposal.when, place)
    if proposal.kind is Kind.TOOL:
        slot = slots.of_a_tool(text)
    elif instruction:
        slot = slots.standing(attribute, text)
    else:
        slot = slots.slot(attribute, proposal.kind, text, when)
    if place.speaker is Speaker.ASSISTANT and not slot.known:
        return None  # a view in no slot would stand for ever, reworded with every answer
    explicit = slot.kind is not Kind.PREFERENCE or (proposal.explicit and user)
    most = (_STATED if explicit else _SHOWN) if user else _VIEW
    message = place.message
    return Candidate(
        kind=slot.kind,
        text=text,
        source=Source(
            role=message.role,
            content=message.text if user else shown(message),
            time=message.time,
            conversation=turn.conversation,
            turn=turn.id,
            name=message.name,
        ),
        attribute=screening.neutralise(slot.attribute)[:_LONGEST_NAME],
        speaker=place.speaker,
        explicit=explicit,
        instruction=instruction,
        confidence=min(proposal.confidence, most),
        event_time=when,
    )


def _refused(proposal: _Proposal, place: Place) -> bool:
    """Whether the quote cannot carry what is proposed of it, be it well meant or not."""
    told = f"{place.sentence}\n{proposal.text}\n{proposal.attribute}"
    user = place.speaker is Speaker.USER
    if redaction.has_secret(told) or (not user and screening.commands(told)):
        return True
    if proposal.kind is Kind.TOOL:
        return False
    theirs = _names_theirs(proposal.attribute)
    if not theirs and (proposal.subject not in _THE_USER or _speaks_of_another(place)):
        return True
    return user and not (_asserted(proposal, place) and not _turned(proposal.text, place))


def _names_theirs(attribute: str) -> bool:
    return attribute.casefold().startswith(("relation:", "pet:"))


def _tells_of_theirs(text: str) -> bool:
    """Whether a statement names the relation or pet that it is about."""
    return relations.read(plain(text)) is not None


def _speaks_of_another(place: Place) -> bool:
    return _ANOTHER.match(_subject(place)) is not None


def _of_whom(proposal: _Proposal, place: Place) -> str:
    """The attribute, put under the relation or pet that the quote has for its subject.

    What the user says of themselves is nothing of a relation's.
    """
    subject = _subject(place)
    if _names_theirs(proposal.attribute):
        return "" if "." in proposal.attribute and _MYSELF.match(subject) else proposal.attribute
    theirs = relations.read(subject)
    return f"{theirs.whose}.{proposal.attribute}" if theirs else proposal.attribute


def _subject(place: Place) -> str:
    """The quote from its subject on: the sentence, where the quote's own clause names nobody."""
    clause = plain(f"{_lead(place)}{place.words}")
    if _FIRST_PERSON.search(clause):
        return clause.strip()
    return plain(clauses.ungreeted(place.sentence))


def _lead(place: Place) -> str:
    """What stands before the quote in its own clause."""
    return _CLAUSE.split(place.before)[-1]


def _asserted(proposal: _Proposal, place: Place) -> bool:
    """Whether the sentence says so and does not ask or suppose it.

    What shows, and what is asked of every answer, may stand in a question too.
    """
    sentence = plain(place.sentence)
    stated = [statement.plain for statement in clauses.statements(sentence)]
    if not clauses.is_question(clauses.ungreeted(sentence)):
        return bool(stated)
    if proposal.kind is Kind.PREFERENCE and (proposal.standing or not proposal.explicit):
        return True
    words = content_words(place.words)
    return any(words <= content_words(text) for text in stated)


def _turned(text: str, place: Place) -> bool:
    """Whether a quote leaves out the "not" that stands before it: "I don't | like tea"."""
    return _denies(_lead(place)) and not _denies(text)


def _denies(text: str) -> bool:
    return _DENIED.search(plain(text)) is not None


def _grounded(proposal: _Proposal, place: Place) -> str:
    """The statement as the model puts it, where its words are the user's; the quote, where not."""
    lead, text = _lead(place), proposal.text
    quote = place.sentence if _denies(lead) else place.words
    if len(text) > LONGEST or _denies(text) != _denies(f"{lead} {place.words}"):
        return quote
    words, said = content_words(text), content_words(f"{place.own} {proposal.when}")
    return text if words and len(words & said) >= _GROUNDED * len(words) else quote


def _when(proposed: str, place: Place) -> Millis | None:
    """The day that is meant: what the calendar makes of the words, nearest to what was proposed."""
    if (match := _DAY.match(proposed)) is None:
        return None
    try:
        year, month, number = (int(part or 1) for part in match.groups())
        day = datetime(year, month, number, tzinfo=UTC)
    except ValueError:
        return None
    meant = int(day.timestamp() * 1000)
    read = {dates.find(place.words, place.message.time, past=past) for past in (True, False)}
    found = [time for time in read if time is not None]
    return min(found, key=lambda time: abs(time - meant), default=meant)
