"""The slot that a proposed memory fills, in the rules' own names.

A model's name for a slot counts only where the rules have one of that name: of two statements in a
slot the later holds, so that a name which is too wide would let one thing end another.
"""

import re
from dataclasses import dataclass

from gateway.memory import prompt
from gateway.memory.model import Kind, Millis
from gateway.memory.rules.facts import FACTS
from gateway.memory.rules.preferences import PREFERENCES
from gateway.memory.wording import content_words, object_key, shortened, statement_attribute

_KINDS = {rule.slot: rule.kind for rule in (*PREFERENCES, *FACTS)}
_STATES = {slot: kind for slot, kind in _KINDS.items() if "{" not in slot}
_THINGS = {
    slot.partition(":")[0]: kind
    for slot, kind in _KINDS.items()
    if ":{" in slot and not slot.startswith("relation")
} | {"date": Kind.FACT}
_ANSWERS = frozenset({"language", "length", "tone", "format", "emoji", "units", "spelling"})
_WHOSE = re.compile(r"(?P<whose>(?:relation|pet):[^.:]+(?::[^.:]+)?)(?:\.(?P<own>.+))?")
_LATIN = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Slot:
    """`known`: it is one of the rules' own, which another statement may fill too."""

    attribute: str
    kind: Kind
    known: bool


def slot(proposed: str, kind: Kind, text: str, when: Millis | None) -> Slot:
    """The slot of a statement, by what was proposed; its own alone, where that names none."""
    name = " ".join(proposed.casefold().replace("_", " ").split())
    if name.partition(":")[0] == "event" and when is not None:
        return Slot(f"event:{prompt.day(when)}:{shortened(text)}", Kind.FACT, known=True)
    if theirs := _WHOSE.fullmatch(name):
        role, *named = theirs["whose"].split(":")[1:]
        parts = [part for part in map(object_key, [role, *named]) if part]
        whose = ":".join([name.partition(":")[0], *parts])
        if len(parts) == 1 + len(named):
            if theirs["own"] is None:
                return Slot(whose, Kind.FACT, known=True)
            if own := _own(theirs["own"], text):
                return Slot(f"{whose}.{own[0]}", Kind.FACT, known=True)
    elif own := _own(name, text):
        return Slot(own[0], own[1], known=True)
    return Slot(statement_attribute(text), kind, known=False)


def standing(proposed: str, text: str) -> Slot:
    """The slot of a standing instruction."""
    head, _, topic = proposed.casefold().strip().partition(".")
    if head == "response" and topic in _ANSWERS:
        name = f"response.{topic}"
    else:
        name = f"instruction:{object_key(text) or shortened(text)}"
    return Slot(name, Kind.PREFERENCE, known=True)


def of_a_tool(text: str) -> Slot:
    """The slot of what was learned about a tool: each experience is one of its own."""
    return Slot(f"tool:{shortened(text)}", Kind.TOOL, known=True)


def _own(name: str, text: str) -> tuple[str, Kind] | None:
    if name in _STATES:
        return name, _STATES[name]
    head, _, thing = name.partition(":")
    key = "|".join(sorted(filter(None, map(object_key, thing.split("|")))))
    if head in _THINGS and key and _spoken_of(key, text):
        return f"{head}:{key}", _THINGS[head]
    return None


def _spoken_of(key: str, text: str) -> bool:
    """Whether the text speaks of the thing; taken for granted where words are not told apart."""
    return not _LATIN.search(key) or not content_words(key).isdisjoint(content_words(text))
