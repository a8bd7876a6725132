"""Filters of Qdrant Edge. Everything that concerns one user's points comes through `within`.

An engine's filter without conditions matches all points, so none is ever made here: the scope is
always a condition, and an empty choice of kinds or statuses is refused.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from qdrant_edge import (
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    MatchValue,
    NestedCondition,
    RangeFloat,
)

from gateway.adapters.records import OWNER, digest, facet, owner
from gateway.memory import filters
from gateway.memory.model import Kind, Scope, Status
from gateway.memory.ports import Selection

if TYPE_CHECKING:
    from qdrant_edge import ConditionType, PointId  # in the stubs alone

_TIMES = {"create_time": "created", "update_time": "updated"}


def within(scope: Scope, *conditions: "ConditionType") -> Filter:
    """The points of this scope for which every condition holds too."""
    return Filter(must=[equals(OWNER, owner(scope)), *conditions])


def selected(selection: Selection) -> list["ConditionType"]:
    """What to demand of memories, for `within`. Raises ValueError on an empty choice."""
    if not selection.kinds or not selection.statuses:
        raise ValueError("a selection needs at least one kind and one status")
    conditions = [
        *_one_of("kind", selection.kinds, Kind),
        *_one_of("status", selection.statuses, Status),
    ]
    if selection.attribute is not None:
        conditions.append(_has("attribute", selection.attribute))
    if selection.instruction is not None:
        conditions.append(_has("instruction", selection.instruction))
    if selection.where is not None:
        conditions.append(_translated(selection.where))
    return conditions


def among(points: Iterable[UUID]) -> HasIdCondition:
    """Those of these points; none, when there are none."""
    ids: set[PointId] = set(points)
    return HasIdCondition(ids)


def equals(field: str, value: str) -> FieldCondition:
    return FieldCondition(field, match=MatchValue(value))


def _one_of(field: str, chosen: Collection[str], every: Iterable[str]) -> Iterator["ConditionType"]:
    """Several are chosen by leaving out the others, which takes half the time in an engine."""
    others = [each for each in every if each not in chosen]
    if len(chosen) == 1:
        yield equals(field, *chosen)
    elif others:
        yield Filter(must_not=[FieldCondition(field, match=MatchAny(others))])


def _translated(tree: filters.Filter) -> "ConditionType":
    if isinstance(tree, filters.Group):
        parts = [_translated(part) for part in tree.parts]
        return Filter(must=parts) if tree.op == "and" else Filter(should=parts)
    if tree.op in {"eq", "contains"}:  # a facet of a memory is in a list, as its tags are
        return _has(tree.field, tree.value)
    if tree.field in _TIMES:
        return _range(_TIMES[tree.field], tree)
    key = equals("key", digest(tree.field.removeprefix(filters.INFO)))
    return NestedCondition("numbers", Filter(must=[key, _range("value", tree)]))


def _has(field: str, value: filters.Value) -> FieldCondition:
    return equals("facets", facet(field, value))


def _range(field: str, tree: filters.Condition) -> FieldCondition:
    return FieldCondition(field, range=RangeFloat(**{tree.op: float(tree.value)}))
