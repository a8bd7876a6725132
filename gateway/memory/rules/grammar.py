"""The notation in which the rules are written, and a rule.

A pattern is a regular expression, read without regard to case, in which a plain parenthesis groups
without capturing, `(object=...)` captures and `{name}` stands for an entry of the lexicon. A table
lists patterns, indented by four, under the slot that they fill; deeper lines continue a pattern.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.memory.model import Kind
from gateway.memory.rules import lexicon
from gateway.memory.wording import object_key

_INDENT = 4
_GROUP = re.compile(r"(?<!\\)\((?!\?)(?:([a-z]+)=)?")
_ENTRY = re.compile(r"\{([A-Za-z]+)\}")
# Where the object of a verb ends: at a reason, a condition, the next clause.
_END = r"""
    \s+(because|since|'?cause|cuz|due to|so|but|when|whenever|while|although|though|even|unless|
    until|if|whereas|regardless|out of|as (I|it|they|he|she|we|my|their|its)\b|
    for (ethical|health|religious|personal|medical|environmental)|
    and (I|my|we|it|they|that|this|prefer|dislike|avoid|find|love|hate|like|enjoy|always|never|
    tend|only|refuse|will|would|do|am|much|strongly|have|need|want|can|must|cannot))\b.*$|
    \s*([,;:\(!?…]|[.] |\s?[\u2013\u2014-]\s).*$
"""


def entries(text: str) -> dict[str, str]:
    """A lexicon's entries: each a name on a line of its own, and under it what it stands for."""
    found: dict[str, str] = {}
    name = ""
    for line in text.strip("\n").split("\n"):
        if line.startswith(" "):
            found[name] += line[_INDENT:]
        else:
            name = line
            found[name] = ""
    return found


_LEXICON = entries(lexicon.GRAMMAR) | entries(lexicon.LIFE) | entries(lexicon.TASTE)


def regex(pattern: str, more: Mapping[str, str] | None = None) -> re.Pattern[str]:
    """The pattern compiled; a text of several lines is joined, less their indentation."""
    known = _LEXICON | dict(more or {})
    if "\n" in pattern:
        pattern = "".join(line[_INDENT:] for line in pattern.strip("\n").split("\n"))
    while _ENTRY.search(pattern):
        pattern = _ENTRY.sub(lambda match: known[match[1]], pattern)
    groups = _GROUP.sub(lambda match: f"(?P<{match[1]}>" if match[1] else "(?:", pattern)
    return re.compile(groups, re.IGNORECASE)


_OBJECT_END = regex(_END)


@dataclass(frozen=True, slots=True)
class Rule:
    """A wording, and the slot of the memory that it makes. Captures of `pattern` fill `slot`."""

    pattern: re.Pattern[str]
    slot: str
    kind: Kind

    def read(self, statement: str) -> str | None:
        """The slot that the statement fills; None when it is worded otherwise, or of nothing."""
        match = self.pattern.match(statement)
        if match is None:
            return None
        keys = {
            group: object_key(_OBJECT_END.sub("", value))
            for group, value in match.groupdict("").items()
        }
        if "object" in keys and not keys["object"]:
            return None
        if "other" in keys:  # two things weighed against each other, in either order
            keys["object"], keys["other"] = sorted((keys["object"], keys["other"]))
        return self.slot.format_map(keys).rstrip(":")


def table(text: str, kind: Kind, *, words: Mapping[str, str] | None = None) -> tuple[Rule, ...]:
    """The rules of a table, in its order: of several that read a statement the first counts."""
    slot = ""
    patterns: list[tuple[str, str]] = []
    for line in text.strip("\n").split("\n"):
        if not line.startswith(" "):
            slot = line
        elif line.startswith(" " * 2 * _INDENT):
            patterns[-1] = (patterns[-1][0], patterns[-1][1] + line[2 * _INDENT :])
        else:
            patterns.append((slot, line[_INDENT:]))
    return tuple(Rule(regex(pattern, words), slot, kind) for slot, pattern in patterns)


def first(rules: Iterable[Rule], statement: str) -> tuple[Kind, str] | None:
    """What the first rule that reads the statement makes of it: the kind and the slot."""
    for rule in rules:
        if slot := rule.read(statement):
            return rule.kind, slot
    return None
