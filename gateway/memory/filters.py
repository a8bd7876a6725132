"""The filter language of searches, as one small tree.

`{"and": [...]}`, `{"or": [...]}` and `{"not": {...}}` nest at will around conditions
`{field: value}` and `{field: {op: value}}`; several fields in one condition must all hold, and so
must several operators. Operators are those of the MemOS API: equality, `contains` for tags and
lists in `info`, `gt`, `gte`, `lt`, `lte` for times and for numbers in `info`; and two of ours, `in`
(one of a list) and `not`. A date without a time is its whole day in UTC, so `lte` "2025-12-10"
includes that day.

Or a filter has a group for each source, `{"user": {...}, "public": {...}}`; memories of a source
that it does not name pass. Nothing is ignored: an unknown operator, an empty group or list or a
wrong type is a FilterError, and no filter ever means "all".
"""

import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import FilterError
from gateway.memory.model import Holder, Memory, Millis, Origin
from gateway.memory.time_spans import named_span

Op: TypeAlias = Literal["eq", "contains", "in", "gt", "gte", "lt", "lte"]
Value: TypeAlias = str | int | float | bool | Millis

MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 64
MAX_VALUES: Final = 100  # of one list

INFO: Final = "info."
ORIGIN: Final = "origin"

_LABELS: Final = frozenset({"agent_id", "app_id", "conversation_id"})
_TIMES: Final = frozenset({"create_time", "update_time"})
_SOURCES: Final[Mapping[str, Holder]] = {
    "user": Holder.USER,
    "agent": Holder.AGENT,
    "public": Holder.PUBLIC,
    "knowledgebase": Holder.BASE,
}
_READ: Final[Mapping[str, Callable[[Memory], Any]]] = {
    "agent_id": lambda memory: memory.labels.agent_id,
    "app_id": lambda memory: memory.labels.app_id,
    "conversation_id": lambda memory: memory.conversation,
    "tags": lambda memory: memory.labels.tags,
    "related_id": lambda memory: memory.related,
    "create_time": lambda memory: memory.created,
    "update_time": lambda memory: memory.updated,
    ORIGIN: lambda memory: memory.origins,
}
_GROUPS: Final = frozenset({"and", "or", "not"})
_RANGES: Final[Mapping[str, Op]] = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}
_OPERATORS: Final = frozenset({*_RANGES, "contains", "in"})
_COMPARED: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field; times are Millis, and their op is `gte` or `lt`.

    `field` is agent_id, app_id, conversation_id, related_id, tags, create_time, update_time,
    `info.<key>`, or ORIGIN, which the language has no name for. The value of `in` is a tuple, of
    any other op a single value.
    """

    field: str
    op: Op
    value: Value | tuple[Value, ...]

    @property
    def values(self) -> tuple[Value, ...]:
        """The values of which one is wanted."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


@dataclass(frozen=True, slots=True)
class Group:
    """All (`and`) or any (`or`) of one or more parts."""

    op: Literal["and", "or"]
    parts: tuple["Tree", ...]

    def __post_init__(self) -> None:
        if not self.parts:  # an engine would take it for "all"
            raise FilterError("a group needs at least one part")


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not let through, be it only because a field is not there."""

    part: "Tree"


Tree: TypeAlias = Condition | Group | Not


@dataclass(frozen=True, slots=True)
class BySource:
    """A filter for each of one or more sources; what comes from another source passes."""

    sources: Mapping[Holder, Tree]

    def __post_init__(self) -> None:
        if not self.sources:
            raise FilterError("a filter by source needs at least one source")


Filter: TypeAlias = Tree | BySource


def parse(expression: Any) -> Filter:  # noqa: ANN401  a client's JSON may be anything
    """The tree of a filter as it came in a request, at most 8 deep and of at most 64 conditions.

    A condition needs no group around it. Raises FilterError, whose message begins with the place,
    such as `filter.and[1].tags`.
    """
    tree = _by_source(expression) or _parse(expression, "filter", 1)
    trees = tree.sources.values() if isinstance(tree, BySource) else (tree,)
    if sum(1 for each in trees for _ in _conditions(each)) > MAX_CONDITIONS:
        raise FilterError(f"filter: more than {MAX_CONDITIONS} conditions")
    return tree


def demanded(where: Filter, holder: Holder) -> Tree | None:
    """What a filter demands of memories that this holder has; None: nothing."""
    return where.sources.get(holder) if isinstance(where, BySource) else where


def from_origins(origins: Collection[Origin], where: Filter | None) -> Filter:
    """What comes from one or more of these origins, and passes the filter too."""
    tree = Condition(ORIGIN, "in", tuple(sorted(origins)))
    if where is None:
        return tree
    if not isinstance(where, BySource):
        return Group("and", (tree, where))
    asked = where.sources
    return BySource(
        {each: Group("and", (tree, asked[each])) if each in asked else tree for each in Holder}
    )


def matches(where: Filter, memory: Memory) -> bool:
    """Whether a memory passes.

    Values in `info` are equal when their JSON types and values are; 1 equals 1.0, a number never
    equals a string or a boolean. What `contains` a value is that value or a list with it. Ranges
    compare as 64-bit floats, and what is no number fails them.
    """
    match where:
        case BySource(sources):
            tree = sources.get(memory.scope.holder)
            return tree is None or matches(tree, memory)
        case Group(op, parts):
            results = (matches(part, memory) for part in parts)
            return all(results) if op == "and" else any(results)
        case Not(part):
            return not matches(part, memory)
    return _holds(where, memory)


def _holds(condition: Condition, memory: Memory) -> bool:
    actual = _actual(condition.field, memory)
    if condition.op in _COMPARED:
        if condition.field.startswith(INFO):
            actual = number(actual)
        return actual is not None and _COMPARED[condition.op](actual, condition.value)
    held = [actual]
    if isinstance(actual, list | tuple):
        several = condition.op == "contains" or not condition.field.startswith(INFO)
        held = list(actual) if several else []
    return any(_equal(each, value) for each in held for value in condition.values)


def _equal(actual: Any, wanted: Value) -> bool:  # noqa: ANN401  any JSON
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)


def number(value: Any) -> float | None:  # noqa: ANN401  a client's JSON may be anything
    """What a value of `info` is to a range: a finite 64-bit float, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except OverflowError:
        return None
    return converted if math.isfinite(converted) else None


def _actual(field: str, memory: Memory) -> Any:  # noqa: ANN401  a label, tags, a time or any JSON
    read = _READ.get(field)
    return memory.labels.info.get(field.removeprefix(INFO)) if read is None else read(memory)


def _conditions(tree: Tree) -> Iterable[Condition]:
    match tree:
        case Group(_, parts):
            for part in parts:
                yield from _conditions(part)
        case Not(part):
            yield from _conditions(part)
        case _:
            yield tree


def _by_source(expression: Any) -> BySource | None:  # noqa: ANN401  see parse
    """The filter by source that the expression is; a source given a plain value is a key of info.

    A group of a source may be a condition, but what looks like an operator is none: taken for a key
    of info, it would let through what it was to keep back.
    """
    named = expression.keys() & _SOURCES if isinstance(expression, Mapping) else ()
    by_source = [
        name
        for name in sorted(named)
        if expression[name] is None or isinstance(expression[name], Mapping)
    ]
    if not by_source:
        return None
    if len(by_source) < len(expression):
        raise FilterError("filter: a filter has groups by source, or else conditions of its own")
    sources = {}
    for name, group in expression.items():
        if isinstance(group, Mapping) and group.keys() & _OPERATORS:
            raise FilterError(f"filter.{name}: must be a group, not a test of one value")
        sources[_SOURCES[name]] = _parse(group, f"filter.{name}", 1)
    return BySource(sources)


def _parse(expression: Any, place: str, depth: int) -> Tree:  # noqa: ANN401  see parse
    if not isinstance(expression, Mapping) or not expression:
        raise FilterError(f"{place}: must be an object with at least one field")
    if depth > MAX_DEPTH:
        raise FilterError(f"{place}: nested more than {MAX_DEPTH} deep")
    if not _GROUPS & expression.keys():
        parts = [
            condition
            for name, value in expression.items()
            for condition in _field(name, value, f"{place}.{name[:80]}")
        ]
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))
    if len(expression) > 1:
        raise FilterError(f'{place}: "and", "or" or "not" must be the only field of its object')
    if "not" in expression:
        return Not(_parse(expression["not"], f"{place}.not", depth + 1))
    op: Literal["and", "or"] = "and" if "and" in expression else "or"
    members = expression[op]
    if not isinstance(members, list) or not members:
        raise FilterError(f"{place}.{op}: must be a list of at least one condition")
    return Group(
        op, tuple(_parse(m, f"{place}.{op}[{i}]", depth + 1) for i, m in enumerate(members))
    )


def _field(name: str, value: Any, place: str) -> list[Condition]:  # noqa: ANN401  see parse
    if name == "user_id":
        raise FilterError(f"{place}: the request names the user, a filter cannot")
    if name == "info" or name.startswith(INFO):
        raise FilterError(f"{place}: give the key of info itself as the field")
    if name in _TIMES:
        bounds = _operations(value, place, _RANGES)
        return [_time(name, _RANGES[op], bound, f"{place}.{op}") for op, bound in bounds]
    if name in _LABELS:
        if not isinstance(value, Mapping):
            return [Condition(name, "eq", _text(value, place))]
        [(_, values)] = _operations(value, place, {"in"})
        return [Condition(name, "in", _listed(values, f"{place}.in", _text))]
    if name == "related_id":
        if isinstance(value, Mapping):
            [(_, value)], place = _operations(value, place, {"in"}), f"{place}.in"
        values = value if isinstance(value, list) else [value]
        return [Condition(name, "in", _listed(values, place, _text))]
    if name == "tags":
        if not isinstance(value, Mapping):
            return [Condition(name, "contains", _text(value, place))]
        return [
            Condition(name, "in", _listed(wanted, f"{place}.in", _text))
            if op == "in"
            else Condition(name, "contains", _text(wanted, f"{place}.contains"))
            for op, wanted in _operations(value, place, {"contains", "in"})
        ]
    return _of_info(INFO + name, value, place)


def _of_info(field: str, value: Any, place: str) -> list[Condition]:  # noqa: ANN401  see parse
    if not isinstance(value, Mapping):
        return [Condition(field, "eq", _scalar(value, place))]
    conditions = []
    for op, wanted in _operations(value, place, _OPERATORS):
        if op == "in":
            listed = _listed(wanted, f"{place}.in", _scalar)
            conditions.append(Condition(field, "in", listed))
        elif op == "contains":
            text = _text(wanted, f"{place}.contains")
            conditions.append(Condition(field, "contains", text))
        else:
            bound = _number(wanted, f"{place}.{op}")
            conditions.append(Condition(field, _RANGES[op], bound))
    return conditions


def _operations(
    value: Any,  # noqa: ANN401  see parse
    place: str,
    known: Collection[str],
) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value or value.keys() - known:
        usual = ", ".join(sorted(known))
        raise FilterError(f"{place}: must be an object of one of these operators: {usual}")
    return list(value.items())


def _listed(
    values: Any,  # noqa: ANN401  see parse
    place: str,
    read: Callable[[Any, str], Value],
) -> tuple[Value, ...]:
    if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
        raise FilterError(f"{place}: must be a list of 1 to {MAX_VALUES} values")
    return tuple(read(value, f"{place}[{i}]") for i, value in enumerate(values))


def _scalar(value: Any, place: str) -> Value:  # noqa: ANN401  see parse
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float) and number(value) is not None:
        return value
    raise FilterError(f"{place}: must be a string, a number, a boolean or operators on one")


def _text(value: Any, place: str) -> str:  # noqa: ANN401  see parse
    if not isinstance(value, str) or not value:
        raise FilterError(f"{place}: must be a string that is not empty")
    return value


def _number(value: Any, place: str) -> float:  # noqa: ANN401  see parse
    converted = number(value)
    if converted is None:
        raise FilterError(f"{place}: must be a number")
    return converted


def _time(field: str, op: Op, value: Any, place: str) -> Condition:  # noqa: ANN401  see parse
    try:
        first, after = named_span(value)
    except ValueError as error:
        raise FilterError(f"{place}: {error}") from None
    if op in {"gte", "lt"}:
        return Condition(field, op, first)
    return Condition(field, "lt" if op == "lte" else "gte", after)
