"""Tool memories: of each tool that was used, how it is called and what came of it.

A tool has two memories. The one of its schema is what was declared, or seen in calls; the one of
its use says how often it worked, what made it work or fail, and what a model learned of it besides.
Both grow by union, of parts that are told apart by the turn and the call they come from, so turns
may be learned in any order and any number of times. Pure.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.memory.model import (
    Candidate,
    Kind,
    Memory,
    Millis,
    Scope,
    Source,
    Speaker,
    Status,
    Turn,
    identifier,
)
from gateway.memory.tool_calls import Shown, Signature, Use
from gateway.memory.tool_telling import SCHEMA, TRAJECTORY, Detail, text_of, tool_of

USES = 20  # the latest of a tool, which its rate of success is of
LESSONS = 4  # the latest that a model learned of a tool

_SEEN = 8  # turns that a schema was met in
_PARAMETERS = 40


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model learned about a tool in a turn."""

    tool: str
    time: Millis
    text: str


def memory_id(scope: Scope, tool: str, of: str = TRAJECTORY) -> str:
    """The id of a tool's memory in this scope."""
    return identifier("tool", *scope.parts, of, tool)


def ids(scope: Scope, tools: Iterable[str]) -> list[str]:
    """The ids of all memories of these tools."""
    return [memory_id(scope, tool, of) for tool in tools for of in (SCHEMA, TRAJECTORY)]


def lessons(candidates: Iterable[Candidate], shown: Shown) -> tuple[list[Lesson], list[Candidate]]:
    """Of a model's candidates what it learned about one of the turn's tools; and the rest."""
    learned: list[Lesson] = []
    rest: list[Candidate] = []
    used = dict.fromkeys(use.tool for use in shown.uses)
    for candidate in candidates:
        named = [tool for tool in used if tool in candidate.text]
        about = max(named, key=len, default=next(iter(used), "") if len(used) == 1 else "")
        if candidate.kind is Kind.TOOL and about:
            learned.append(Lesson(about, candidate.source.time, candidate.text))
        else:
            rest.append(candidate)
    return learned, rest


def revised(
    shown: Shown,
    learned: Sequence[Lesson],
    known: Iterable[Memory],
    *,
    turn: Turn,
    scope: Scope,
    now: Millis,
) -> list[Memory]:
    """The memories that the turn changes, as they are to be written; none for what is known.

    `known` are those of `ids` that exist, whatever their status. One that was deleted or archived
    comes back with what happened after that, and without what happened before.
    """
    held = {memory.id: memory for memory in known}
    made: list[Memory] = []
    for tool in shown.tools:
        for part in _parts(shown, learned, tool, turn):
            before = held.get(memory_id(scope, tool, part["type"]))
            if (memory := _revised(before, part, turn, scope, now)) is not None:
                made.append(memory)
    return made


def _parts(shown: Shown, learned: Sequence[Lesson], tool: str, turn: Turn) -> Iterator[Detail]:
    """What the turn adds to each of the tool's memories."""
    signatures = [each for each in shown.signatures if each.tool == tool]
    if signatures:
        yield {"type": SCHEMA, "tool": tool, **_signature(signatures, turn)}
    uses = {f"{turn.id}/{use.number}": _use(use, turn) for use in shown.uses if use.tool == tool}
    told = {
        f"{turn.id}/{identifier(lesson.text)}": _lesson(lesson, turn)
        for lesson in learned
        if lesson.tool == tool
    }
    if uses or told:
        yield {"type": TRAJECTORY, "tool": tool, "uses": uses, "lessons": told}


def _use(use: Use, turn: Turn) -> Detail:
    failed = use.failure
    return {
        "time": use.time,
        "conversation": turn.conversation,
        "asked": use.asked,
        "order": list(use.order),
        "arguments": use.arguments,
        "error": failed.type if failed else "",
        "says": failed.says if failed else "",
    }


def _lesson(lesson: Lesson, turn: Turn) -> Detail:
    return {"time": lesson.time, "conversation": turn.conversation, "text": lesson.text}


def _signature(signatures: Sequence[Signature], turn: Turn) -> Detail:
    declared = [dict(each.declared) | {"time": each.time} for each in signatures if each.declared]
    types: dict[str, set[str]] = {}
    for each in signatures:
        for name, of in each.types.items():
            types.setdefault(name, set()).add(of)
    met = {"time": max(each.time for each in signatures), "conversation": turn.conversation}
    return {
        "declared": max(declared, key=_declaration, default={}),
        "types": {name: sorted(of) for name, of in types.items()},
        "met": {turn.id: met},
    }


def _declaration(declared: Detail) -> tuple[Millis, str]:
    """Sorts declarations: the later one holds."""
    return declared.get("time", -1), json.dumps(declared, sort_keys=True)


def _revised(
    held: Memory | None, detail: Detail, turn: Turn, scope: Scope, now: Millis
) -> Memory | None:
    """The memory with the turn's part in it; None when it is there already."""
    since = -1
    before: Detail = {}
    if held is not None:
        since, before = held.detail.get("since", -1), held.detail
        if held.status in {Status.DELETED, Status.ARCHIVED}:
            since, before = held.updated, {}
    whole = _united(before, detail, since)
    if whole is None or (held is not None and whole == held.detail):
        return None
    sources = _sources(whole)
    latest = sources[-1]
    memory = Memory(
        id=memory_id(scope, whole["tool"], whole["type"]),
        scope=scope,
        kind=Kind.TOOL,
        text=text_of(whole),
        speaker=Speaker.TOOL,
        conversation=latest.conversation,
        time=latest.time,
        created=now,
        updated=now,
        sources=sources,
        attribute=_attribute(whole),
        confidence=round(1 - 0.2 / len(whole.get("uses") or whole.get("met") or [0]), 4),
        detail=whole,
        labels=turn.labels,
    )
    return memory if held is None else _replacing(held, memory, anew=not before)


def _replacing(held: Memory, memory: Memory, *, anew: bool) -> Memory:
    """The memory as the next state of the one that is held, with what somebody made of that."""
    updated = max(memory.updated, held.updated + 1)
    if anew:
        return replace(memory, updated=updated, title=held.title, revisions=held.revisions)
    here = memory.sources[-1].turn not in {source.turn for source in held.sources}
    return replace(
        held,
        text=held.text if _by_hand(held) else memory.text,
        conversation=memory.conversation,
        time=memory.time,
        updated=updated,
        sources=memory.sources,
        confidence=memory.confidence,
        detail=memory.detail,
        labels=memory.labels if here and not held.revisions else held.labels,
    )


def _by_hand(memory: Memory) -> bool:
    return bool(memory.revisions) and memory.text != text_of(memory.detail)


def less_others(memory: Memory, turns: Collection[str]) -> Memory:
    """A memory of a tool with only what comes from these turns, some of those that it had."""
    detail = dict(memory.detail)
    for part in ("uses", "lessons", "met"):
        if part in detail:
            mine = detail[part].items()
            detail[part] = {key: at for key, at in mine if key.partition("/")[0] in turns}
    if not tool_of(memory) or detail == memory.detail:
        return memory
    text = memory.text if _by_hand(memory) else text_of(detail)
    return replace(memory, detail=detail, text=text, sources=_sources(detail))


def _attribute(detail: Detail) -> str:
    return f"{'tool' if detail['type'] == TRAJECTORY else 'tool_schema'}:{detail['tool']}"


def _united(one: Detail, other: Detail, since: Millis) -> dict[str, Any] | None:
    """Both, less what was at `since` or before; None when nothing is left."""
    whole: dict[str, Any] = {"type": other["type"], "tool": other["tool"]}
    if since >= 0:
        whole["since"] = since
    if other["type"] == SCHEMA:
        met = _latest(one, other, "met", since, _SEEN)
        declared = max(one.get("declared", {}), other["declared"], key=_declaration)
        if not met:
            return None
        declared = declared if declared.get("time", -1) > since else {}
        types = {
            name: sorted({*one.get("types", {}).get(name, ()), *other["types"].get(name, ())})
            for name in sorted({*one.get("types", {}), *other["types"]})[:_PARAMETERS]
        }
        return whole | {"declared": declared, "types": types, "met": met}
    uses = _latest(one, other, "uses", since, USES)
    told = _latest(one, other, "lessons", since, LESSONS)
    return whole | {"uses": uses, "lessons": told} if uses or told else None


def _latest(one: Detail, other: Detail, part: str, since: Millis, most: int) -> dict[str, Detail]:
    """The latest of what is in either; of two with one key the later."""
    united: dict[str, Detail] = dict(one.get(part, {}))
    for key, value in other[part].items():
        united[key] = max(value, united.get(key, value), key=_when)
    kept = {key: value for key, value in united.items() if value["time"] > since}
    ordered = sorted(kept, key=lambda key: (kept[key]["time"], key))
    return {key: kept[key] for key in ordered[-most:]}


def _when(value: Detail) -> tuple[Millis, str]:
    return value["time"], json.dumps(value, sort_keys=True)


def _sources(detail: Detail) -> tuple[Source, ...]:
    """The calls that it comes from, oldest first: never what a tool gave back."""
    names = ("uses", "lessons", "met")
    parts = {key: part for name in names for key, part in detail.get(name, {}).items()}
    return tuple(
        Source(
            role="assistant",
            content=f"{detail['tool']}({part.get('arguments', '')})",
            time=part["time"],
            conversation=part.get("conversation", ""),
            turn=key.partition("/")[0],
        )
        for key, part in sorted(parts.items(), key=lambda item: (item[1]["time"], item[0]))
    )
