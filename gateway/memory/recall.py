"""Recall: a question in, the memories that bear on it out, within a deadline and without raising.

Trouble is an ordinary outcome here. It means fewer memories or none, and a reason that the caller
can show; it never means a failed chat.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from gateway.errors import (
    EmbedderBusyError,
    EmbeddingError,
    RerankerBusyError,
    RerankerError,
    StoreError,
)
from gateway.memory.filters import Filter, matches
from gateway.memory.model import Hit, Kind, Memory, Millis, Scope, Status, Vector, now
from gateway.memory.ordering import merit
from gateway.memory.ports import Embedder, Reranker, Search, Selection, Store
from gateway.memory.public_memory import PublicMemory
from gateway.memory.ranking import CANDIDATES, Ranked, fitted, rank
from gateway.memory.relevance import calibrated
from gateway.memory.telling import asks_of_the_past
from gateway.memory.tokens import tokens
from gateway.memory.tool_telling import helpful
from gateway.memory.tools import memory_id

STANDING_LIMIT = 5
TOOLS_LIMIT = 3  # memories of tools beside the others
TOOLS_ASKED = 64  # tools of a request that are looked up
TOOLS_TOKENS = 250  # that they may take at most
RERANKED = 20  # of what ranks best, by a reranker, where there is one
RERANKING = 10.0  # seconds for it, where nobody sets a deadline
SCORED_AT_ONCE = 16  # texts, so that a chat need not wait for a thousand of somebody else's
ASKED = 1000  # characters of a long question that are searched by, at either end

_NOW = frozenset({Status.ACTIVATED})
_EVER = _NOW | {Status.ARCHIVED}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallOptions:
    """What to look for.

    `floor` is the least relevance, 0..1, and `token_budget` what all the texts may take (None: no
    bound). `present` are texts that the prompt holds already and that need no repeating. `standing`
    asks for the user's standing instructions as well. `also` are scopes that are searched beside
    the user's own and the project's public one; whose a memory is, its scope says. `of_others` are
    the kinds that are looked for in these (None: the same; empty: none is searched). `tools` are
    the names of tools whose use is recalled too, whatever the question.
    """

    kinds: frozenset[Kind]
    limit: int
    floor: float
    token_budget: int | None = None
    where: Filter | None = None
    conversation: str = ""
    present: frozenset[str] = frozenset()
    standing: bool = False
    also: tuple[Scope, ...] = ()
    of_others: frozenset[Kind] | None = None
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What was remembered, best first, and how it went; `reason` says why it is degraded."""

    outcome: Literal["hit", "empty", "degraded"]
    reason: str = ""
    ranked: tuple[Ranked, ...] = ()
    standing: tuple[Memory, ...] = ()
    tools: tuple[Memory, ...] = ()

    @property
    def status(self) -> str:
        """`hit`, `empty` or `degraded;reason=...`."""
        return f"degraded;reason={self.reason}" if self.reason else self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    question: str
    hits: Sequence[Hit]
    reason: str
    standing: tuple[Memory, ...]
    used: Sequence[Memory]


class Recaller:
    """Recalls from one store with one embedder. `clock` gives the present time.

    With a `reranker` it decides the order of the best `reranked` that are relevant at all.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        *,
        reranker: Reranker | None = None,
        reranked: int = RERANKED,
        clock: Callable[[], Millis] = now,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._reranked = reranked
        self._clock = clock
        self._public = PublicMemory(store)

    def shared(self, scope: Scope) -> None:
        """Told of each scope that this process shares something with, which is then searched."""
        self._public.written(scope)

    @property
    def scorer(self) -> str:
        """The model that `score` asks."""
        return self._embedder.model if self._reranker is None else self._reranker.model

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """How much each of these texts bears on a question, 0..1; nothing is looked up.

        By the reranker or, where there is none, by meaning. Raises RerankerError, EmbeddingError.
        """
        if self._reranker is None:
            asked = await self._embedder.embed_query(question)
            vectors = await self._embedder.embed_documents(texts)
            products = (sum(a * b for a, b in zip(asked, v, strict=True)) for v in vectors)
            return [calibrated(product) for product in products]
        scores: list[float] = []
        for start in range(0, len(texts), SCORED_AT_ONCE):
            some = texts[start : start + SCORED_AT_ONCE]
            scores += await self._reranker.score(question, some)
        return scores

    async def within(
        self, seconds: float, scope: Scope, question: str, options: RecallOptions
    ) -> Recall:
        """What is remembered that bears on `question`, or a degraded answer when time is up."""
        until = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(until):
                found = await self._gather(scope, question, options)
            return await self._choose(found, options, until)
        except TimeoutError:
            reason = "timeout"
        except StoreError as error:
            reason = error.reason
        except Exception as error:  # noqa: BLE001  whatever it is, the chat goes on
            _log.error("recall failed: %s", type(error).__name__)
            reason = "error"
        return Recall(outcome="degraded", reason=reason)

    async def search(self, scope: Scope, question: str, options: RecallOptions) -> Recall:
        """The same without a deadline. Raises StoreError."""
        found = await self._gather(scope, question, options)
        until = asyncio.get_running_loop().time() + RERANKING
        return await self._choose(found, options, until)

    async def _gather(self, scope: Scope, question: str, options: RecallOptions) -> _Found:
        """All that may be shown, in no order."""
        question = gist(question)
        # Side by side: the time that a store far away takes counts only once.
        (hits, reason), standing, used = await asyncio.gather(
            self._find(scope, question, options),
            self._standing(scope, wanted=options.standing),
            self._tools(scope, options),
        )
        return _Found(question=question, hits=hits, reason=reason, standing=standing, used=used)

    async def _choose(self, found: _Found, options: RecallOptions, until: float) -> Recall:
        """What is shown of it. `until`, by the loop's clock, a reranker has to be done."""
        order = partial(
            rank,
            found.hits,
            found.question,
            floor=options.floor,
            present=options.present,
            conversation=options.conversation,
            now=self._clock(),
        )
        ranked, reason = None, found.reason
        if self._reranker is not None and options.limit:
            pool = order(limit=max(options.limit, self._reranked))
            ranked, why = await self._rerank(self._reranker, found.question, pool, options, until)
            reason = reason or why
        if ranked is None:
            ranked = order(limit=options.limit, token_budget=options.token_budget)
        left = _left(options.token_budget, ranked)
        tools = helpful(found.used, limit=TOOLS_LIMIT, budget=left)
        there = ranked or found.standing or tools
        return Recall(
            outcome="degraded" if reason else "hit" if there else "empty",
            reason=reason,
            ranked=tuple(r for r in ranked if r.memory not in found.standing),
            standing=found.standing,
            tools=tools,
        )

    async def _rerank(
        self,
        reranker: Reranker,
        question: str,
        pool: Sequence[Ranked],
        options: RecallOptions,
        until: float,
    ) -> tuple[list[Ranked] | None, str]:
        """The best of these by the reranker, or None and why."""
        if len(pool) < 2:  # noqa: PLR2004  one alone has no order
            return None, ""
        try:
            async with asyncio.timeout_at(until):
                scores = await reranker.score(question, [each.memory.text for each in pool])
        except TimeoutError:
            return None, "reranker-timeout"
        except RerankerBusyError:
            return None, "reranker-busy"
        except RerankerError:
            return None, "reranker"
        places = sorted(range(len(pool)), key=lambda place: (-scores[place], place))
        best = [pool[place] for place in places]
        return fitted(best, limit=options.limit, token_budget=options.token_budget), ""

    async def _find(
        self, scope: Scope, question: str, options: RecallOptions
    ) -> tuple[list[Hit], str]:
        """What bears on the question, and why it may be less than all.

        What a later statement has followed is found only by who asks about the past; what somebody
        archived, never. What the user shared with others is in the user's own scope already, and as
        it is now; so in other scopes only what others shared is found.
        """
        vector, reason = await self._embed(question)
        statuses = _EVER if asks_of_the_past(question) else _NOW
        search = Search(
            selection=Selection(kinds=options.kinds, statuses=statuses, where=options.where),
            words=question,
            vector=vector,
            limit=CANDIDATES,
            merit=merit(question),
        )
        kinds = options.kinds if options.of_others is None else options.of_others
        of_others = replace(
            search, selection=replace(search.selection, kinds=kinds, not_by=scope.contributor)
        )
        shared = dict.fromkeys((*self._public.scopes(scope.project), *options.also))
        others = [each for each in shared if each != scope] if kinds else []
        results, _ = await asyncio.gather(
            asyncio.gather(
                self._store.search(scope, search),
                *(self._store.search(each, of_others) for each in others),
            ),
            self._public.look(scope.project),
        )
        found = [hit for hits in results for hit in hits]
        return [hit for hit in found if _may_be_shown(hit.memory)], reason

    async def _embed(self, question: str) -> tuple[Vector | None, str]:
        """The question's vector, or None and why: the words can be searched all the same."""
        try:
            return await self._embedder.embed_query(question), ""
        except EmbedderBusyError:
            return None, "busy"
        except EmbeddingError:
            return None, "embedder"

    async def _standing(self, scope: Scope, *, wanted: bool) -> tuple[Memory, ...]:
        if not wanted:
            return ()
        chosen = Selection(kinds=frozenset({Kind.PREFERENCE}), instruction=True)
        memories, _ = await self._store.list_memories(scope, chosen, limit=STANDING_LIMIT)
        return tuple(memories)

    async def _tools(self, scope: Scope, options: RecallOptions) -> Sequence[Memory]:
        if not options.tools or not options.limit:
            return ()
        wanted = [memory_id(scope, tool) for tool in options.tools[:TOOLS_ASKED]]
        found = await self._store.get_memories(scope, wanted)
        where = options.where
        return [memory for memory in found if where is None or matches(where, memory)]


def _left(budget: int | None, ranked: Sequence[Ranked]) -> int:
    """The tokens that memories of tools may take beside these."""
    if budget is None:
        return TOOLS_TOKENS
    return min(TOOLS_TOKENS, budget - sum(tokens(each.memory.text) for each in ranked))


def _may_be_shown(memory: Memory) -> bool:
    return memory.status is Status.ACTIVATED or bool(memory.superseded_by)


def gist(question: str) -> str:
    """A question of bounded length: people ask before or after what they paste."""
    if len(question) <= 2 * ASKED:
        return question
    return f"{question[:ASKED]}\n{question[-ASKED:]}"
