"""What somebody decides about memories: a change by hand, and how it is taken back. Pure.

Each decision has its moment, `at`. It holds against what was said until then, in whatever order
turns are learned (see `reconciliation`). Making the same decision again changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from gateway.memory.model import Kind, Memory, Millis, Revision, Source, Speaker, Status
from gateway.memory.reconciliation import NEVER, holds_since, retired

EDITED, FEEDBACK, UNDONE = "edited", "feedback", "undone"
REVISIONS = 20  # kept of a memory: the latest
SOURCES = 8  # the same
LONGEST = 8_000  # characters of a memory's text that somebody writes by hand

Decision: TypeAlias = Callable[[Memory], Memory]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; None is as it is.

    `attribute` goes with the text, `source` is what asked for it.
    """

    text: str | None = None
    title: str | None = None
    status: Status | None = None
    tags: tuple[str, ...] | None = None
    info: Mapping[str, Any] | None = None
    attribute: str | None = None
    source: Source | None = None


def moment(memory: Memory, now: Millis) -> Millis:
    """When a decision about a memory is made: never before what it is about."""
    return max(now, holds_since(memory), *(revision.until + 1 for revision in memory.revisions))


def changed(memory: Memory, change: Change, *, at: Millis, by: str) -> Memory:
    """The memory after the change; itself, when there is nothing to change.

    Other words of what holds, and a status of activated, say anew that it holds. Other words of
    what is history leave it in its place.
    """
    labels = memory.labels
    after = replace(
        memory,
        text=memory.text if change.text is None else change.text,
        title=memory.title if change.title is None else change.title,
        attribute=memory.attribute if change.attribute is None else change.attribute,
        labels=replace(
            labels,
            tags=labels.tags if change.tags is None else change.tags,
            info=labels.info if change.info is None else change.info,
        ),
    )
    reworded = after.text != memory.text
    if reworded and memory.kind is not Kind.EPISODE:
        after = replace(after, speaker=Speaker.USER)
    match change.status:
        case Status.ACTIVATED | Status.RESOLVING if memory.status is not change.status:
            after = _holds(replace(after, status=change.status), at)
        case Status.ARCHIVED | Status.DELETED if memory.status is not change.status:
            after = out(after, change.status)
        case _ if reworded and memory.status is Status.ACTIVATED:
            after = _holds(after, at)
        case _:
            pass
    if after == memory:
        return memory
    if change.source is not None:
        after = replace(after, sources=(*memory.sources, change.source)[-SOURCES:])
    return _revised(memory, after, at=at, by=by)


def out(memory: Memory, status: Status) -> Memory:
    """The memory taken out of recall and of its slot's history."""
    return replace(memory, status=status, superseded_by="", valid_to=None)


def emptied(memory: Memory, *, at: Millis) -> Memory:
    """What is left of a memory that is deleted for good: its id, so that it is not learned anew."""
    return Memory(
        id=memory.id,
        scope=memory.scope,
        kind=memory.kind,
        text="",
        speaker=Speaker.USER,
        conversation="",
        time=0,
        created=at,
        updated=at,
        sources=(),
        contributor=memory.contributor,
        status=Status.DELETED,
    )


def is_emptied(memory: Memory) -> bool:
    return memory.status is Status.DELETED and not memory.text


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What undoes a change: a decision for the id of each memory that it concerns.

    `until` is the moment of the change by hand that is taken back, None for a superseding.
    """

    decisions: Mapping[str, Decision]
    until: Millis | None


def takes_back(memory: Memory, slot: Mapping[str, Memory], *, at: Millis) -> TakenBack | None:
    """What undoes the last change of a memory in its slot; None when there is none.

    That is the last change by hand, taken back from all that it changed; or, if that is the later,
    the last superseding: the earlier state holds again and the later one is taken out.
    """
    by_hand = memory.revisions[-1].until if memory.revisions else None
    if (pair := _superseding(memory, slot)) and holds_since(pair[1]) > (by_hand or NEVER):
        earlier, later = pair
        return TakenBack(
            {
                earlier.id: lambda m: _revised(m, _holds(m, at), at=at, by=UNDONE),
                later.id: lambda m: _revised(m, out(m, Status.ARCHIVED), at=at, by=UNDONE),
            },
            None,
        )
    if by_hand is None:
        return None
    together = (m for m in slot.values() if m.revisions and m.revisions[-1].until == by_hand)
    return TakenBack({m.id: lambda held: restored(held, at=at) for m in together}, by_hand)


def _superseding(memory: Memory, slot: Mapping[str, Memory]) -> tuple[Memory, Memory] | None:
    """The last superseding that the memory had part in: what was followed, and what followed."""
    if memory.superseded_by:
        later = slot.get(memory.superseded_by)
        return (memory, later) if later else None
    if retired(memory):
        return None
    followed = [slot[each] for each in memory.supersedes if each in slot]
    return (max(followed, key=lambda m: (holds_since(m), m.id)), memory) if followed else None


def restored(memory: Memory, *, at: Millis) -> Memory:
    """The memory as it was before its last change by hand."""
    before = memory.revisions[-1]
    after = replace(
        memory,
        text=before.text,
        title=before.title,
        status=before.status,
        attribute=before.attribute,
        labels=replace(memory.labels, tags=before.tags, info=before.info),
        decided=before.decided,
        superseded_by=before.superseded_by,
    )
    if before.status not in {Status.ARCHIVED, Status.DELETED}:
        after = _holds(after, at)
    return _revised(memory, after, at=at, by=UNDONE)


def decided_at(memory: Memory, at: Millis) -> bool:
    """Whether the decision of that moment has changed the memory already."""
    return any(revision.until == at for revision in memory.revisions)


def _holds(memory: Memory, at: Millis) -> Memory:
    status = Status.RESOLVING if memory.status is Status.RESOLVING else Status.ACTIVATED
    return replace(memory, status=status, decided=at, superseded_by="", valid_to=None)


def _revised(before: Memory, after: Memory, *, at: Millis, by: str) -> Memory:
    kept = Revision(
        text=before.text,
        title=before.title,
        status=before.status,
        until=at,
        by=by,
        attribute=before.attribute,
        tags=before.labels.tags,
        info=before.labels.info,
        decided=before.decided,
        superseded_by=before.superseded_by,
    )
    return replace(after, revisions=(*before.revisions, kept)[-REVISIONS:])
