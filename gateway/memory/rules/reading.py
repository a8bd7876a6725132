"""What one sentence gives to remember, with all the rules there are.

First what the user asks to keep and how they want to be answered, then what the sentence states:
of their own in the first person, or of their relations.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.memory import dates
from gateway.memory.model import Kind, Millis
from gateway.memory.rules import clauses, events, instructions, languages, relations
from gateway.memory.rules.facts import FACTS, INTRODUCTION
from gateway.memory.rules.grammar import first, regex
from gateway.memory.rules.preferences import PREFERENCES, of_the_moment
from gateway.memory.wording import plain, statement_attribute

_READ = 0.8  # confidence of what a rule read out of a sentence
_TOLD = 1.0  # confidence of what the user told us to keep or to do
_TIMELESS = ("birth", "date:")  # slots whose date is what they say, not when it came to be

_REMEMBER = regex(r"""
    ((please|pls|also|and|can you|could you|so|ok|okay|I (want|need|would like) you to|do|always|
    just|you should|make sure you|make sure to),? )*(sure=(remember|don't forget|do not forget|
    never forget|memori[sz]e|store|save)\b)?(noted=(note|keep in mind|bear in mind|take note|
    make a note)\b)?(( (this|the following|for (later|the future|me)|about me|the fact|
    in your memory|down|to memory))*( that,? |: ?| [\u2013\u2014-] )|
    ,? (?=(my|our|I|I'm|I've|we)\b))\s*
    (told=\S.+)
""")
_ABOUT_THE_TASK = regex(r"""
    (this|that|these|those|the|it|its|you|your|there|each|all|any|some|in|for|when|if|an?)\b
""")
_TO_THE_READER = regex(r"\b(you|your|yourself)\b")
_OF_THE_USER = regex(r"\b(i|im|ive|my|me|we|our)\b")

_REASON = regex(r"\b(because|since|so|due to)\b")
_PAST = regex(r"(I|we|my \w+) ((\w+ly|just|have) )*(was|were|had|got|went|\w+ed)\b")
_WHEN = regex(r"(for|on|in the|at|during|every|each|most) [\w-]+( [\w-]+)?,? (?=I\b)")
_OPENING = regex(r"""
    (when|whenever|since|as|because|although|though|even|after|before|while|until|once|due|given|in|
    on|at|for|with|without|during|despite|being|having|apart|besides|unlike|last|next|every|
    currently|recently|lately|nowadays|these days|right now|at the moment|today|now|generally|
    usually|normally|typically|often|sometimes|ever since|growing|yesterday|earlier|two|three|a)\b
    [^,]{0,120}?,\s+(?=(I|we|my|our)\b)|
    (currently|now|recently|lately|nowadays|yesterday|today|(last|next|this) \w+|usually|generally|
    sometimes|in general|as of \w+) (?=(I|we|my|our)\b)|
    (I (think|guess|believe|feel like|must say|have to say|admit|should mention|should add|
    forgot to mention|told you|reali[sz]ed|have reali[sz]ed|would say)|you should know|
    (it )?turns out|the thing is|(the )?truth is|fun fact|keep in mind|remember),? (that )?
    (?=(I|my|we)\b)
""")
_AND_I = regex(r"((my|our) )?([\w'-]+ ){1,2}and (I|me|myself) (?=\w)")
_WE = regex(r"(we are|we were|our|we)\b")
_AS_ONE = {"we are": "I am", "we were": "I was", "our": "my", "we": "I"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a part of a sentence says: that part, its kind, and the slot that it fills."""

    text: str
    kind: Kind
    slot: str
    event_time: Millis | None = None
    instruction: bool = False
    confidence: float = _READ


def read(sentence: str, said: Millis, *, busy: bool) -> Iterator[Reading]:
    """What the sentence says. `busy`: its message also sets a task, in another sentence."""
    found = list(languages.read(sentence, busy=busy))
    for foreign in found:
        sure = foreign.instruction or foreign.told
        yield Reading(
            text=foreign.text,
            kind=foreign.kind,
            slot=foreign.slot,
            instruction=foreign.instruction,
            confidence=_TOLD if sure else _READ,
        )
    if found:
        return
    bare = clauses.ungreeted(sentence)
    told = _REMEMBER.match(bare)
    if told and (told["sure"] or told["noted"]) and not clauses.is_question(bare):
        yield from _told(told["told"], said, busy=busy, sure=bool(told["sure"]))
    elif slot := instructions.slot(plain(bare), busy=busy):
        yield Reading(
            text=bare, kind=Kind.PREFERENCE, slot=slot, instruction=True, confidence=_TOLD
        )
    elif _OF_THE_USER.search(bare):
        yield from _stated(bare, said)


def _told(kept: str, said: Millis, *, busy: bool, sure: bool) -> Iterator[Reading]:
    """What the user asks to keep: as what a rule reads in it, else as a fact in their words."""
    if found := list(read(kept, said, busy=busy)):
        yield from (replace(reading, confidence=_TOLD) for reading in found)
    elif not _TO_THE_READER.search(kept) and (sure or not (busy or _ABOUT_THE_TASK.match(kept))):
        yield Reading(
            text=kept,
            kind=Kind.FACT,
            slot=statement_attribute(kept),
            event_time=dates.find(kept, said),
            confidence=_TOLD,
        )


def _stated(sentence: str, said: Millis) -> Iterator[Reading]:
    steps = [(step, _statement(step.plain, said)) for step in clauses.statements(sentence)]
    for number, (step, reading) in enumerate(steps):
        if reading is None:
            continue
        text = step.whole
        # A reason keeps a consequence that nothing reads: "I have six children, so I need a van".
        if number + 1 < len(steps):
            following, unread = steps[number + 1]
            if unread is None and following.whole.startswith(text):
                text = following.whole
        yield replace(reading, text=text)


def _statement(statement: str, said: Millis) -> Reading | None:
    """What one statement, spelt out, says of the user or of their own."""
    core = _from_subject(statement)
    if relation := relations.read(core):
        if relation.slot:
            return Reading(text=statement, kind=Kind.FACT, slot=relation.slot)
        found = _state(relation.own, said)
        return found and replace(found, kind=Kind.FACT, slot=f"{relation.whose}.{found.slot}")
    if joint := _AND_I.match(core):
        core = f"I {core[joint.end() :]}"
    if together := _WE.match(core):
        core = _AS_ONE[together.group().lower()] + core[together.end() :]
    found = _state(core, said)
    if found and found.kind is Kind.PREFERENCE and of_the_moment(_REASON.split(core)[0]):
        return None
    return found


def _from_subject(statement: str) -> str:
    """The statement from its subject on; when or where it holds is moved behind."""
    if front := _WHEN.match(statement):
        return f"{statement[front.end() :].rstrip('.! ')} {front.group().rstrip(', ').lower()}"
    opening = _OPENING.match(statement)
    return statement[opening.end() :] if opening else statement


def _state(own: str, said: Millis) -> Reading | None:
    """What a statement in the first person says."""
    if found := first(FACTS, own) or first(PREFERENCES, own):
        kind, slot = found
        when = None
        if kind is Kind.FACT and not slot.startswith(_TIMELESS):
            when = dates.find(own, said, past=_PAST.match(own) is not None)
        return Reading(text=own, kind=kind, slot=slot, event_time=when)
    if event := events.read(own, said):
        return Reading(text=own, kind=Kind.FACT, slot=event[0], event_time=event[1])
    if found := first(INTRODUCTION, own):
        return Reading(text=own, kind=Kind.FACT, slot=found[1])
    return None
