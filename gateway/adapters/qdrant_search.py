"""A hybrid search as one request to a Qdrant server, and memories as points to be searched."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from qdrant_client import models
from qdrant_client.http.models import QueryResponse

from gateway.adapters.bm25 import Words
from gateway.adapters.conditions import chosen, within
from gateway.adapters.hits import Scores
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.records import OWN_FIELDS, Payload, memory_payload, memory_point
from gateway.adapters.schema import DENSE, LEXICAL
from gateway.adapters.sealing import Seal
from gateway.memory.model import Indexed, Scope
from gateway.memory.ports import Search


class HybridSearch:
    """The `requests` of a search, a batch; none, when there is nothing to search by.

    Each arm finds its best, with their records. What one arm finds has a score in the other too,
    and fusion is better for it: so each arm also scores what the other finds. Of that a shard gives
    all that it found itself, before the best of all shards are taken together.

    Raises ValueError on an empty choice of kinds or statuses.
    """

    def __init__(self, scope: Scope, search: Search, words: Words, *, shards: int) -> None:
        there = server_filter(chosen(scope, search.selection))
        arms = _arms(scope, search, words) if search.limit > 0 else {}
        self._arms = list(arms)
        self.requests = [
            models.QueryRequest(
                **arm, filter=there, limit=search.limit, with_payload=list(OWN_FIELDS)
            )
            for arm in arms.values()
        ]
        if len(arms) > 1:
            self.requests += [
                models.QueryRequest(
                    **arm,
                    prefetch=models.Prefetch(**other, filter=there, limit=search.limit),
                    limit=search.limit * shards,
                    with_payload=False,
                )
                for arm, other in zip(arms.values(), reversed(arms.values()), strict=True)
            ]

    def read(
        self, answers: Sequence[QueryResponse]
    ) -> tuple[dict[UUID, Payload], dict[str, Scores]]:
        """What was found, and its scores in each arm. Raises ValueError for another number."""
        found: dict[UUID, Payload] = {}
        scores: dict[str, Scores] = {arm: {} for arm in self._arms}
        asked = [*self._arms, *self._arms][: len(self.requests)]
        for number, (arm, answer) in enumerate(zip(asked, answers, strict=True)):
            points = {UUID(str(point.id)): point for point in answer.points}
            scores[arm] |= {key: point.score for key, point in points.items()}
            if number < len(self._arms):
                found |= {key: point.payload or {} for key, point in points.items()}
        return found, scores


def _arms(scope: Scope, search: Search, words: Words) -> dict[str, Mapping[str, Any]]:
    """What each arm asks for, where there is something to ask."""
    arms: dict[str, Mapping[str, Any]] = {}
    if search.vector is not None:
        arms[DENSE] = {
            "query": models.NearestQuery(nearest=list(search.vector)),
            "using": DENSE,
            "params": models.SearchParams(exact=True),
        }
    if question := words.question(search.words):
        corpus = models.IdfCorpusParams(corpus=server_filter(within(scope)))
        sparse = models.SparseVector(indices=list(question.indices), values=list(question.values))
        arms[LEXICAL] = {
            "query": models.NearestQuery(nearest=sparse),
            "using": LEXICAL,
            "params": models.SearchParams(idf=corpus),
        }
    return arms


def searchable(entry: Indexed, words: Words, seal: Seal) -> models.PointStruct:
    """A memory as a point, with the vectors that it has."""
    vectors: dict[str, Any] = {}
    if entry.vector is not None:
        vectors[DENSE] = list(entry.vector)
    if found := words.document(entry.words):
        vectors[LEXICAL] = models.SparseVector(
            indices=list(found.indices), values=list(found.values)
        )
    memory = entry.memory
    point = memory_point(memory.scope, memory.id)
    payload = memory_payload(memory, seal)
    return models.PointStruct(id=str(point), vector=vectors, payload=payload)
