"""Conditions in the terms of Qdrant Edge."""

from typing import TYPE_CHECKING

from qdrant_edge import (
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    MatchValue,
    NestedCondition,
    RangeFloat,
)

from gateway.adapters.conditions import (
    Among,
    Between,
    Condition,
    Equals,
    Group,
    Nested,
    OneOf,
)

if TYPE_CHECKING:
    from qdrant_edge import ConditionType, PointId  # in the stubs alone


def edge_filter(group: Group) -> Filter:
    parts = [edge_condition(part) for part in group.parts]
    match group.op:
        case "all":
            return Filter(must=parts)
        case "any":
            return Filter(should=parts)
    return Filter(must_not=parts)


def edge_condition(condition: Condition) -> "ConditionType":
    match condition:
        case Equals(field, value):
            return FieldCondition(field, match=MatchValue(value))
        case OneOf(field, values):
            return FieldCondition(field, match=MatchAny(list(values)))
        case Between(field, gt, gte, lt, lte):
            return FieldCondition(field, range=RangeFloat(gt=gt, gte=gte, lt=lt, lte=lte))
        case Among(points):
            ids: set[PointId] = set(points)
            return HasIdCondition(ids)
        case Nested(field, parts):
            return NestedCondition(field, Filter(must=[edge_condition(part) for part in parts]))
        case Group():
            return edge_filter(condition)
