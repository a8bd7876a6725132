"""Candidates against what is known: said again, newer state of the same thing, or new.

Pure, and a function of the set of statements alone: turns may be learned in any order and any
number of times. Nothing is ever deleted; what no longer holds is archived with its validity.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from gateway.memory.essence import fullness
from gateway.memory.model import (
    Candidate,
    Labels,
    Memory,
    Millis,
    Scope,
    Source,
    Speaker,
    Status,
    identifier,
)
from gateway.memory.side_by_side import side_by_side
from gateway.memory.wording import content_words, normalise, plain

NEVER = -(2**63)  # before whatever was said

_SOURCES = 8  # kept of a memory: the first and the latest
_DENIES = re.compile(r"(?:\S+ ){0,5}?(?:not|never|no longer)\b|.*\banymore\b", re.IGNORECASE)


class Action(StrEnum):
    """What an operation does to the memory that it carries.

    ADD: it was not known, be it the current state or one that others have followed since.
    REINFORCE: it was known and has been said once more.
    SUPERSEDE: its place in its slot's history has changed, by what was said before or after it.
    """

    ADD = "add"
    REINFORCE = "reinforce"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True)
class Operation:
    """A change: `memory` is the whole record as it is to be written."""

    action: Action
    memory: Memory


def slots(candidates: Iterable[Candidate]) -> frozenset[str]:
    """The attributes whose memories `reconcile` has to be given as known."""
    return frozenset(candidate.attribute for candidate in candidates)


def reconcile(
    candidates: Sequence[Candidate],
    known: Iterable[Memory],
    *,
    scope: Scope,
    labels: Labels,
    now: Millis,
    said_again: Mapping[Candidate, str] = MappingProxyType({}),
    contributor: str = "",
) -> list[Operation]:
    """The changes that the candidates of one turn make; none for what is known already.

    `known` is every memory of the scope in one of `slots(candidates)`, whatever its status, and
    what `follow_up` names beside them: of two statements in one slot the later said holds, also
    when it is learned first. `said_again` gives the ids of the memories that some candidates only
    reword. What somebody decided by hand about a memory holds against all that was said until
    then. In a scope that is shared, `contributor` is whose turn it is and whose memories are known.
    Raises ValueError for a memory of another scope and for a candidate without an attribute.
    """
    wanted = slots(candidates)
    if "" in wanted:
        raise ValueError("a candidate without an attribute fills no slot")
    before: dict[str, Memory] = {}
    for memory in known:
        if memory.scope != scope:
            raise ValueError("a known memory belongs to another scope")
        before[memory.id] = memory
    after = dict(before)
    for position, candidate in enumerate(candidates):
        said = _memory(candidate, position, scope, labels, now)
        said = replace(said, id=said_again.get(candidate, said.id), contributor=contributor)
        held = after.get(said.id)
        while held and candidate not in said_again and _means_another(held, said):
            said = replace(said, id=follow_up(held))
            held = after.get(said.id)
        if held is None:
            if not any(_told_and_settled(candidate, memory) for memory in before.values()):
                after[said.id] = said
        elif said.time > settled(held):
            after[said.id] = _merged(_back(held), said)
    for slot in wanted:
        after |= history([m for m in after.values() if m.attribute == slot])
    return _changes(before, after, now)


def settled(memory: Memory) -> Millis:
    """Until when what is said of a memory was decided by hand, and cannot change it any more."""
    if memory.revisions:
        return max(revision.until for revision in memory.revisions)
    if retired(memory):
        return memory.updated
    return NEVER if memory.decided is None else memory.decided


def given_up(memory: Memory) -> bool:
    """Whether the id may no longer stand for the statement that it was made of.

    Somebody gave the memory other words, or had it deleted for good; `follow_up` is then the id
    under which the statement is remembered when it is made again.
    """
    return bool(memory.revisions) or not memory.text


def follow_up(memory: Memory) -> str:
    """The id of what is said anew of a memory that was given other words or deleted for good."""
    return identifier("anew", memory.id)


def _back(held: Memory) -> Memory:
    """What was taken out, when it is said again: it holds, and what was decided stays decided."""
    if not retired(held):
        return held
    return replace(held, status=Status.ACTIVATED, decided=settled(held))


def _told_and_settled(candidate: Candidate, memory: Memory) -> bool:
    """Whether the memory was learned of this very message, and somebody has decided about it since.

    The message may have worded it otherwise than the memory's id does.
    """
    return (
        (memory.kind, memory.attribute) == (candidate.kind, candidate.attribute)
        and candidate.source in memory.sources
        and candidate.source.time <= settled(memory)
    )


def _means_another(held: Memory, said: Memory) -> bool:
    """Whether the statement, made after all was settled, is no longer what the memory says."""
    reworded = given_up(held) and normalise(held.text) != normalise(said.text)
    return reworded and said.time > settled(held)


def identity(candidate: Candidate, scope: Scope) -> str:
    """The id of the memory of this very wording: of scope, kind, slot and statement."""
    said = normalise(candidate.text)
    return identifier("memory", *scope.parts, candidate.kind, candidate.attribute, said)


def _changes(
    before: Mapping[str, Memory], after: Mapping[str, Memory], now: Millis
) -> list[Operation]:
    changes: list[Operation] = []
    for memory in after.values():
        held = before.get(memory.id)
        if memory == held:
            continue
        if held is None:
            action = Action.ADD
        elif memory.sources != held.sources:
            action = Action.REINFORCE
        else:
            action = Action.SUPERSEDE
        # Two changes of one memory never have the same time, whoever's clock is behind: a store
        # tells by it whether what it holds is what was read.
        updated = now if held is None else max(now, held.updated + 1)
        changes.append(Operation(action, replace(memory, updated=updated)))
    return changes


def _memory(
    candidate: Candidate, position: int, scope: Scope, labels: Labels, now: Millis
) -> Memory:
    return Memory(
        id=identity(candidate, scope),
        scope=scope,
        kind=candidate.kind,
        text=candidate.text,
        speaker=candidate.speaker,
        conversation=candidate.source.conversation,
        time=candidate.source.time,
        created=now,
        updated=now,
        sources=(candidate.source,),
        position=position,
        attribute=candidate.attribute,
        explicit=candidate.explicit,
        instruction=candidate.instruction,
        reasoning=candidate.reasoning,
        confidence=candidate.confidence,
        event_time=candidate.event_time,
        detail=candidate.detail,
        labels=labels,
    )


def _merged(held: Memory, said: Memory) -> Memory:
    """Two tellings of one statement: the fuller or else the later one's words, both's sources.

    Of two dates it has the later one, so that a date which is found afterwards is kept, whatever
    the order.
    """
    earlier, latest = sorted((said, held), key=_order)
    fuller = fullness(earlier.text) > fullness(latest.text)
    sources = _kept({*held.sources, *said.sources})
    confidence = max(held.confidence, said.confidence)
    if len(sources) > 1:
        confidence = max(confidence, 1 - 0.2 / len(sources))
    return replace(
        latest,
        text=earlier.text if fuller else latest.text,
        created=held.created,
        updated=held.updated,
        sources=sources,
        confidence=confidence,
        event_time=max(
            (t for t in (held.event_time, said.event_time) if t is not None), default=None
        ),
        speaker=Speaker.USER if Speaker.USER in (held.speaker, said.speaker) else latest.speaker,
        title=held.title,
        labels=held.labels if held.revisions else latest.labels,
        revisions=held.revisions,
        decided=held.decided,
        status=held.status,
        supersedes=held.supersedes,
        superseded_by=held.superseded_by,
        valid_from=held.valid_from,
        valid_to=held.valid_to,
    )


def _kept(sources: set[Source]) -> tuple[Source, ...]:
    """The first and the latest: that choice is the same in whatever order they come."""
    ordered = sorted(sources, key=_telling)
    if len(ordered) <= _SOURCES:
        return tuple(ordered)
    return (ordered[0], *ordered[1 - _SOURCES :])


def _telling(source: Source) -> tuple[Millis, str, str, str, str, str]:
    return (source.time, source.conversation, source.turn, source.role, source.name, source.content)


def history(slot: Iterable[Memory]) -> dict[str, Memory]:
    """The memories of one slot, each with what it followed, what followed it, and when.

    What somebody took out stays out. What it had ended does not hold again for that.
    """
    ordered = sorted(slot, key=_order)
    follower: dict[str, Memory] = {}
    for number, memory in enumerate(ordered):
        later = (other for other in ordered[number + 1 :] if _replaces(other, memory))
        if not retired(memory) and (found := next(later, None)):
            follower[memory.id] = found
    placed: dict[str, Memory] = {}
    for memory in ordered:
        if retired(memory):  # when it was taken out is told by when it was changed last
            placed[memory.id] = memory
            continue
        followed = [m for m in ordered if follower.get(m.id) is memory]
        supersedes = tuple(m.id for m in followed)
        since = max((*(m.time for m in followed), *_interruptions(memory, ordered)), default=None)
        holds = Status.RESOLVING if memory.status is Status.RESOLVING else Status.ACTIVATED
        placed[memory.id] = replace(
            memory,
            status=Status.ARCHIVED if memory.id in follower else holds,
            supersedes=supersedes,
            superseded_by=follower[memory.id].id if memory.id in follower else "",
            valid_from=_first_said(memory, since),
        )
    return {
        key: replace(m, valid_to=placed[m.superseded_by].valid_from if m.superseded_by else None)
        for key, m in placed.items()
    }


def _interruptions(memory: Memory, ordered: Sequence[Memory]) -> Iterator[Millis]:
    """When other states held before the last telling of this one: A, B, A again and B again."""
    if len(memory.sources) == 1:
        return
    place = ordered.index(memory)
    for number, other in enumerate(ordered):
        if number != place and not retired(other) and _replaces(other, memory):
            for source in other.sources:
                if source.time < memory.time or (number < place and source.time == memory.time):
                    yield source.time


def _first_said(memory: Memory, since: Millis | None) -> Millis:
    times = (s.time for s in memory.sources if since is None or s.time > since)
    return min(times, default=holds_since(memory))


def _replaces(later: Memory, earlier: Memory) -> bool:
    """Whether what was said later ends what was said earlier in the same slot.

    The assistant's view never ends the user's word, and a denial ends only what it speaks of:
    "I no longer live in Rome" says nothing against Paris.
    """
    if earlier.speaker is Speaker.USER and later.speaker is not Speaker.USER:
        return False
    if side_by_side(earlier, later):
        return False
    if not _DENIES.match(plain(later.text)):
        return True
    denied = content_words(later.text)
    return not denied or not denied.isdisjoint(content_words(earlier.text))


def holds_since(memory: Memory) -> Millis:
    """When it was last said that the memory holds, by the user in a turn or by hand."""
    return memory.time if memory.decided is None else max(memory.time, memory.decided)


def _order(memory: Memory) -> tuple[Millis, Millis, int, str, str, str]:
    return (
        holds_since(memory),
        memory.time,
        memory.position,
        memory.conversation,
        memory.text,
        memory.id,
    )


def retired(memory: Memory) -> bool:
    """Whether someone, not history, took the memory out: it stays so until it is said anew."""
    return memory.status is Status.DELETED or (
        memory.status is Status.ARCHIVED and not memory.superseded_by
    )
