"""What the rules read of a turn and what a model adds to it, made one. Pure.

The rules' statements stay what they are, ids included: what the model found too gains a date and
trust, what only the model found comes beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gateway.memory.model import Candidate, Memory, Speaker, Status
from gateway.memory.wording import UNTYPED, normalise, statement_attribute, words

_ALIKE = 0.6  # share of two wordings' words, of all that either has, that makes them one statement
_OF_ONE = frozenset({UNTYPED, "event"})  # lead slots that one statement alone fills


def refined(by_rules: Sequence[Candidate], by_model: Iterable[Candidate]) -> list[Candidate]:
    """The rules' candidates first, in their order, then those of the model alone.

    Refining what was refined already changes nothing.
    """
    found = list(by_rules)
    for candidate in by_model:
        same = _first(found, candidate, _worded_alike)
        if same is None:
            same = _first(by_rules, candidate, _same)
        if same is None:
            found.append(_beside(candidate, by_rules))
        else:
            found[same] = _gains(found[same], candidate)
    return found


def unspoken(candidates: Iterable[Candidate], known: Iterable[Memory]) -> list[Candidate]:
    """The candidates without the assistant's views of what the user has spoken of themselves.

    An answer that only repeats what was recalled would else be learned as its own.
    """
    spoken = {
        memory.attribute
        for memory in known
        if memory.speaker is Speaker.USER and memory.status is Status.ACTIVATED
    }
    return [c for c in candidates if c.speaker is Speaker.USER or c.attribute not in spoken]


def _first(
    known: Sequence[Candidate],
    proposed: Candidate,
    same: Callable[[Candidate, Candidate], bool],
) -> int | None:
    """The place of the first that was said in the same message and is the same."""
    for place, candidate in enumerate(known):
        said = candidate.source == proposed.source and candidate.speaker is proposed.speaker
        if said and same(candidate, proposed):
            return place
    return None


def _worded_alike(known: Candidate, proposed: Candidate) -> bool:
    return normalise(known.text) == normalise(proposed.text)


def _same(known: Candidate, proposed: Candidate) -> bool:
    """Whether both say one thing, each in its own way."""
    one, other = set(words(known.text)), set(words(proposed.text))
    shared = len(one & other)
    if known.attribute == proposed.attribute:
        return shared >= _ALIKE * min(len(one), len(other))
    if _OF_ONE & {_head(known), _head(proposed)}:
        return shared >= _ALIKE * len(one | other)
    return False


def _head(candidate: Candidate) -> str:
    return candidate.attribute.partition(":")[0]


def _gains(known: Candidate, proposed: Candidate) -> Candidate:
    when = known.event_time if known.event_time is not None else proposed.event_time
    return replace(known, event_time=when, confidence=max(known.confidence, proposed.confidence))


def _beside(candidate: Candidate, by_rules: Sequence[Candidate]) -> Candidate:
    """The candidate in a slot of its own where the rules have read that slot in this message."""
    taken = any(
        known.attribute == candidate.attribute and known.source == candidate.source
        for known in by_rules
    )
    if not taken:
        return candidate
    return replace(candidate, attribute=statement_attribute(candidate.text))
