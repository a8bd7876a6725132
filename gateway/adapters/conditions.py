"""What is demanded of points, in no engine's own terms; each adapter says it in its engine's.

An engine's filter without conditions matches all points, so none is ever made here: the scope is
always a condition of what concerns one user, and an empty choice of kinds or statuses is refused.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from gateway.adapters.records import LISTED, OWNER, PROJECT, digest, facet, owner
from gateway.memory import filters
from gateway.memory.model import Kind, Scope, Status
from gateway.memory.ports import Selection

_TIMES = {"create_time": "created", "update_time": "updated"}


@dataclass(frozen=True, slots=True)
class Equals:
    """The field, or one of its list, is this keyword."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field, or one of its list, is one of these keywords; never true when there are none."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field is a number within the bounds that are given."""

    field: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True, slots=True)
class Among:
    """The point is one of these; never true when there are none."""

    points: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Nested:
    """For one object in the list that the field is, all of these hold."""

    field: str
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Of the parts `all`, `any` or `none` hold. There is at least one."""

    op: str
    parts: tuple["Condition", ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a group without conditions would match everything")


Condition: TypeAlias = Equals | OneOf | Between | Among | Nested | Group


def within(scope: Scope, *conditions: Condition) -> Group:
    """The points of this scope for which every condition holds too."""
    return every(Equals(OWNER, owner(scope)), *conditions)


def in_project(project: str, *conditions: Condition) -> Group:
    """The points of every scope of this project for which every condition holds too."""
    return every(Equals(PROJECT, project), *conditions)


def everything_of(scope: Scope) -> Group:
    """The memories of this scope, and what its holder shared with others of the project."""
    contributed = in_project(scope.project, _has("contributor", scope.contributor))
    return Group("any", (within(scope), contributed))


def held_in(conversation: str) -> Condition:
    """Memories of this conversation."""
    return _has("conversation_id", conversation)


def every(*conditions: Condition) -> Group:
    return Group("all", conditions)


def among(points: Iterable[UUID]) -> Among:
    return Among(frozenset(points))


def chosen(scope: Scope, selection: Selection) -> Group:
    """The memories of this scope that are selected. Raises ValueError on an empty choice."""
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
    if selection.by is not None:
        conditions.append(_has("contributor", selection.by))
    if selection.not_by is not None:
        conditions.append(Group("none", (_has("contributor", selection.not_by),)))
    if selection.turn is not None:
        conditions.append(_has("turn", selection.turn))
    if selection.where is not None:
        tree = filters.demanded(selection.where, scope.holder)
        conditions += [] if tree is None else [_translated(tree)]
    return within(scope, *conditions)


def _one_of(field: str, chosen: Collection[str], all_: Iterable[str]) -> Iterator[Condition]:
    """Several are chosen by leaving out the others, which takes half the time in an engine."""
    others = tuple(each for each in all_ if each not in chosen)
    if len(chosen) == 1:
        yield Equals(field, *chosen)
    elif others:
        yield Group("none", (OneOf(field, others),))


def _translated(tree: filters.Tree) -> Condition:
    match tree:
        case filters.Group(op, parts):
            return Group("all" if op == "and" else "any", tuple(_translated(p) for p in parts))
        case filters.Not(part):
            return Group("none", (_translated(part),))
    match tree.op:
        case "eq" | "in" | "contains":
            fields = [tree.field]
            if tree.op == "contains" and tree.field.startswith(filters.INFO):
                fields.append(LISTED + tree.field)
            facets = [facet(field, value) for field in fields for value in tree.values]
            return Equals("facets", facets[0]) if len(facets) == 1 else OneOf("facets", (*facets,))
    if tree.field in _TIMES:
        return _range(_TIMES[tree.field], tree)
    key = Equals("key", digest(tree.field.removeprefix(filters.INFO)))
    return Nested("numbers", (key, _range("value", tree)))


def _has(field: str, value: filters.Value) -> Equals:
    return Equals("facets", facet(field, value))


def _range(field: str, tree: filters.Condition) -> Between:
    [bound] = tree.values
    return Between(field, **{tree.op: float(bound)})
