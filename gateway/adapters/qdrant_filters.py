"""Conditions in the terms of a Qdrant server's API."""

from qdrant_client import models

from gateway.adapters.conditions import (
    Among,
    Between,
    Condition,
    Equals,
    Group,
    Nested,
    OneOf,
)


def server_filter(group: Group) -> models.Filter:
    parts = [server_condition(part) for part in group.parts]
    match group.op:
        case "all":
            return models.Filter(must=parts)
        case "any":
            return models.Filter(should=parts)
    return models.Filter(must_not=parts)


def server_condition(condition: Condition) -> models.Condition:
    match condition:
        case Equals(field, value):
            return models.FieldCondition(key=field, match=models.MatchValue(value=value))
        case OneOf(field, values):
            return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
        case Between(field, gt, gte, lt, lte):
            within = models.Range(gt=gt, gte=gte, lt=lt, lte=lte)
            return models.FieldCondition(key=field, range=within)
        case Among(points):
            return models.HasIdCondition(has_id=[str(point) for point in points])
        case Nested(field, parts):
            inner = models.Filter(must=[server_condition(part) for part in parts])
            return models.NestedCondition(nested=models.Nested(key=field, filter=inner))
        case Group():
            return server_filter(condition)
