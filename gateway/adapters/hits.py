"""What a search has found, in either engine: the best of both arms, and the scope's own alone."""

from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import TypeAlias
from uuid import UUID

import structlog

from gateway.adapters.records import HOLDER, PROJECT, USER, Payload, memory_from
from gateway.adapters.schema import DENSE, LEXICAL
from gateway.adapters.sealing import Seal
from gateway.memory.model import Hit, Holder, Scope
from gateway.memory.ports import Search

Scores: TypeAlias = dict[UUID, float]

_log = structlog.get_logger(__name__)


def best(search: Search, found: Iterable[UUID], scores: Mapping[str, Scores]) -> set[UUID]:
    """All that was found, or the best `limit` of it by the search's merit."""
    if search.merit is None:
        return set(found)
    dense, lexical = scores.get(DENSE, {}), scores.get(LEXICAL, {})
    merits = {point: search.merit(dense.get(point), lexical.get(point)) for point in found}
    return set(nlargest(search.limit, merits, key=merits.__getitem__))


def hits(found: Mapping[UUID, Payload], scores: Mapping[str, Scores], seal: Seal) -> list[Hit]:
    """Raises StoreError for one that is sealed and cannot be opened."""
    dense, lexical = scores.get(DENSE, {}), scores.get(LEXICAL, {})
    return [
        Hit(memory=memory_from(payload, seal), dense=dense.get(point), lexical=lexical.get(point))
        for point, payload in found.items()
    ]


class Isolation:
    """The last look at whose a point is. `count` is told of each that should not have come."""

    def __init__(self, count: Callable[[], None] = lambda: None) -> None:
        self._count = count

    def own(self, scope: Scope, found: Mapping[UUID, Payload]) -> dict[UUID, Payload]:
        """What of it is in the scope: all, or isolation has failed and the rest must not leak."""
        own = {}
        for point, payload in found.items():
            if _whose(payload) == (scope.project, scope.user, scope.holder):
                own[point] = payload
            else:
                self._count()
                _log.error("a point of another scope was found", point=str(point))
        return own


def _whose(payload: Payload) -> tuple[str | None, str | None, str]:
    return payload.get(PROJECT), payload.get(USER), payload.get(HOLDER) or Holder.USER
