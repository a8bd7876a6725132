"""The filter language of searches, as one small tree.

`{"and": [...]}` and `{"or": [...]}` nest at will around conditions `{field: value}` and
`{field: {op: value}}`; several fields in one condition must all hold. Operators are those of the
MemOS API: equality, `contains` for tags, and `gt`, `gte`, `lt`, `lte` for times and for numbers in
`info`. A date without a time is its whole day in UTC, so `lte` "2025-12-10" includes that day.
Nothing is ignored: an unknown operator, an empty group or a wrong type is a FilterError, and no
filter ever means "all".
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import FilterError
from gateway.memory.model import Memory, Millis

Op: TypeAlias = Literal["eq", "contains", "gt", "gte", "lt", "lte"]
Value: TypeAlias = str | int | float | bool | Millis

MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 64

INFO: Final = "info."

_LABELS: Final = frozenset({"agent_id", "app_id", "conversation_id"})
_TIMES: Final = frozenset({"create_time", "update_time"})
_SOURCES: Final = frozenset({"user", "agent", "public", "knowledgebase"})
_RANGES: Final[Mapping[str, Op]] = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}
_TESTS: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "contains": operator.contains,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final[Millis] = 86_400_000
_EXACT: Final = 2**53  # integers below this are the same as 64-bit floats, which engines compare


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field; times are Millis, and their op is `gte` or `lt`.

    `field` is agent_id, app_id, conversation_id, tags, create_time, update_time or `info.<key>`.
    """

    field: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class Group:
    """All (`and`) or any (`or`) of one or more parts."""

    op: Literal["and", "or"]
    parts: tuple["Filter", ...]

    def __post_init__(self) -> None:
        if not self.parts:  # an engine would take it for "all"
            raise FilterError("a group needs at least one part")


Filter: TypeAlias = Condition | Group


def parse(expression: Any) -> Filter:  # noqa: ANN401  a client's JSON may be anything
    """The tree of a filter as it came in a request, at most 8 deep and of at most 64 conditions.

    A condition needs no group around it. Raises FilterError, whose message begins with the place,
    such as `filter.and[1].tags`.
    """
    if isinstance(expression, Mapping):
        for source in sorted(_SOURCES & expression.keys()):
            if expression[source] is None or isinstance(expression[source], Mapping):
                raise FilterError(f"filter.{source}: filters by source are not supported")
    tree = _parse(expression, "filter", 1)
    if sum(1 for _ in _conditions(tree)) > MAX_CONDITIONS:
        raise FilterError(f"filter: more than {MAX_CONDITIONS} conditions")
    return tree


def matches(tree: Filter, memory: Memory) -> bool:
    """Whether a memory passes.

    Values in `info` are equal when their JSON types and values are; 1 equals 1.0, a number never
    equals a string or a boolean. Ranges compare as 64-bit floats, and what is no number fails them.
    """
    if isinstance(tree, Group):
        results = (matches(part, memory) for part in tree.parts)
        return all(results) if tree.op == "and" else any(results)
    actual, wanted = _actual(tree.field, memory), tree.value
    if tree.field.startswith(INFO):
        if tree.op == "eq":
            return isinstance(actual, bool) == isinstance(wanted, bool) and actual == wanted
        actual, wanted = number(actual), float(wanted)
    return actual is not None and _TESTS[tree.op](actual, wanted)


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
    match field:
        case "agent_id":
            return memory.labels.agent_id
        case "app_id":
            return memory.labels.app_id
        case "conversation_id":
            return memory.conversation
        case "tags":
            return memory.labels.tags
        case "create_time":
            return memory.created
        case "update_time":
            return memory.updated
    return memory.labels.info.get(field.removeprefix(INFO))


def _conditions(tree: Filter) -> Iterable[Condition]:
    if isinstance(tree, Condition):
        yield tree
    else:
        for part in tree.parts:
            yield from _conditions(part)


def _parse(expression: Any, place: str, depth: int) -> Filter:  # noqa: ANN401  see parse
    if not isinstance(expression, Mapping) or not expression:
        raise FilterError(f"{place}: must be an object with at least one field")
    if depth > MAX_DEPTH:
        raise FilterError(f"{place}: nested more than {MAX_DEPTH} deep")
    if not {"and", "or"} & expression.keys():
        parts = [
            condition
            for name, value in expression.items()
            for condition in _field(name, value, f"{place}.{name[:80]}")
        ]
        return parts[0] if len(parts) == 1 else Group("and", tuple(parts))
    if len(expression) > 1:
        raise FilterError(f'{place}: "and" or "or" must be the only field of its object')
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
    if name in _LABELS:
        return [Condition(name, "eq", _text(value, place))]
    if name == "tags":
        if isinstance(value, Mapping):
            if value.keys() != {"contains"}:
                raise FilterError(f'{place}: the only operator is "contains"')
            value, place = value["contains"], f"{place}.contains"
        return [Condition(name, "contains", _text(value, place))]
    if name in _TIMES:
        return [_time(name, op, bound, f"{place}.{op}") for op, bound in _bounds(value, place)]
    if isinstance(value, Mapping):
        return [
            Condition(INFO + name, op, _number(bound, f"{place}.{op}"))
            for op, bound in _bounds(value, place)
        ]
    if not isinstance(value, str | bool) and number(value) is None:
        raise FilterError(f"{place}: must be a string, a number, a boolean or a range")
    return [Condition(INFO + name, "eq", value)]


def _text(value: Any, place: str) -> str:  # noqa: ANN401  see parse
    if not isinstance(value, str) or not value:
        raise FilterError(f"{place}: must be a string that is not empty")
    return value


def _number(value: Any, place: str) -> float:  # noqa: ANN401  see parse
    converted = number(value)
    if converted is None:
        raise FilterError(f"{place}: must be a number")
    return converted


def _bounds(value: Any, place: str) -> list[tuple[Op, Any]]:  # noqa: ANN401  see parse
    if not isinstance(value, Mapping) or not value or value.keys() - _RANGES.keys():
        raise FilterError(f"{place}: must be an object of gt, gte, lt or lte")
    return [(_RANGES[op], bound) for op, bound in value.items()]


def _time(field: str, op: Op, value: Any, place: str) -> Condition:  # noqa: ANN401  see parse
    first, after = _span(value, place)
    if op in {"gte", "lt"}:
        return Condition(field, op, first)
    return Condition(field, "lt" if op == "lte" else "gte", after)


def _span(value: Any, place: str) -> tuple[Millis, Millis]:  # noqa: ANN401  see parse
    """The first millisecond that is not before what `value` names, and the first one after it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value, value + 1
    if isinstance(value, str):
        with suppress(ValueError):
            start = (date.fromisoformat(value) - _EPOCH.date()).days * _DAY
            return start, start + _DAY
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            micros = (zoned - _EPOCH) // timedelta(microseconds=1)
            return -(-micros // 1000), micros // 1000 + 1
    raise FilterError(f"{place}: must be a date, an ISO date-time or milliseconds since the epoch")
