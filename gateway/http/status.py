"""/v1/status/events: how the gateway is, for people who watch."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import orjson
from prometheus_client import Histogram
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope
from typing_extensions import TypedDict

from gateway.errors import StoreError
from gateway.http.auth import KEY, PROJECT
from gateway.http.gateway import Gateway
from gateway.http.options import user_of
from gateway.keys.key import Grant, Key
from gateway.memory.model import Kind, Millis, Scope, Status
from gateway.memory.ports import Selection

EVERY: Final = 2.0  # seconds
PATIENCE: Final = 1.0  # seconds for the parts, and for the store, to say how they are

_MEMORIES: Final = Selection(kinds=frozenset(Kind), statuses=frozenset({Status.ACTIVATED}))


class Now(TypedDict):
    """How things stand. None: not known, or not for this key.

    `recall_ms` and `first_ms` are means of what was measured since the event before: what recall
    added to a chat, and how long a model's server took to begin its answer.
    """

    status: str
    parts: dict[str, str]
    memories: int | None
    pending: int | None
    parked: int | None
    oldest_seconds: float | None
    spooled: int | None
    in_flight: int | None
    recall_ms: float | None
    first_ms: float | None


class Pace:
    """The mean of a histogram's values since it was last asked, in milliseconds."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._seen = self._totals()

    def mean(self) -> float | None:
        before, self._seen = self._seen, self._totals()
        count = self._seen[0] - before[0]
        return 1000 * (self._seen[1] - before[1]) / count if count else None

    def _totals(self) -> tuple[float, float]:
        [metric] = self._histogram.collect()
        values = {s.name.rpartition("_")[2]: s.value for s in metric.samples}
        return values["count"], values["sum"]


class Look:
    """One person's look at the gateway. What is of all projects is for an admin's key alone."""

    def __init__(self, gateway: Gateway, scope: Scope, key: Key) -> None:
        self._gateway = gateway
        self._scope = scope
        self._all = Grant.ADMIN in key.grants
        self._recall = Pace(gateway.metrics.recall_seconds)
        self._first = Pace(gateway.metrics.first_byte_seconds)

    async def now(self) -> Now:
        gateway = self._gateway
        parts = {"parts": "no answer"}
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                parts = await gateway.health()
        memories = pending = parked = oldest = None
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                _, memories = await gateway.store.list_memories(self._scope, _MEMORIES, limit=1)
                if self._all:
                    backlog = await gateway.backlog()
                    pending, parked = backlog.pending, backlog.parked
                    oldest = _seconds(backlog.oldest, gateway.clock())
        spooled = gateway.metrics.registry.get_sample_value("gateway_spool_turns") or 0
        well = all(state == "ok" for state in parts.values())
        return {
            "status": "shutting down" if gateway.drain.begun.is_set() else _word(well=well),
            "parts": parts,
            "memories": memories,
            "pending": pending,
            "parked": parked,
            "oldest_seconds": oldest,
            "spooled": int(spooled) if self._all and not math.isnan(spooled) else None,
            "in_flight": len(gateway.drain) if self._all else None,
            "recall_ms": self._recall.mean() if self._all else None,
            "first_ms": self._first.mean() if self._all else None,
        }

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        leaving = self._gateway.drain.begun
        while not leaving.is_set():
            yield ServerSentEvent(orjson.dumps(await self.now()).decode())
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await leaving.wait()


def _word(*, well: bool) -> str:
    return "ok" if well else "degraded"


def _seconds(since: Millis | None, now: Millis) -> float | None:
    return None if since is None else max(0.0, (now - since) / 1000)


class StatusEvents:
    """`GET /v1/status/events`: how things stand, every two seconds, until somebody leaves."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        scope = Scope(http[PROJECT], user_of(http["headers"], {}))
        look = Look(self._gateway, scope, http[KEY])
        await EventSourceResponse(look.events())(http, receive, send)


def routes(gateway: Gateway) -> list[Route]:
    return [Route("/v1/status/events", StatusEvents(gateway), methods=["GET"])]
