"""What a supervisor asks: is the process alive, may it get requests, what has it counted."""

import asyncio
import math
from contextlib import suppress

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Receive, Scope, Send

from gateway.errors import StoreError
from gateway.http.access import respond
from gateway.http.gateway import Gateway

PATIENCE = 1.0  # seconds for the parts to say how they are: less than any probe waits

COUNTED = 1.0  # seconds that the store may take to count


class Alive:
    """`GET /healthz`: 200 for as long as the process can answer at all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        await respond(send, 200, b'{"status":"ok"}')


class Ready:
    """`GET /readyz`: 200 for as long as requests may come, 503 once it shuts down.

    The body names the state of each part, and is "degraded" when one of them is not "ok", or does
    not say so in time. That is still ready: a chat is answered without its memory all the same, and
    a balancer that took every gateway out because the store they share is down would make a lost
    memory a lost service.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        try:
            async with asyncio.timeout(PATIENCE):
                parts = await self._gateway.health()
        except TimeoutError:
            parts = {"parts": f"no answer within {PATIENCE:g} s"}
        draining = self._gateway.drain.begun.is_set()
        whole = all(state == "ok" for state in parts.values())
        status = "shutting down" if draining else "ok" if whole else "degraded"
        body = orjson.dumps({"status": status, "parts": parts})
        await respond(send, 503 if draining else 200, body)


class MetricsPage:
    """`GET /metrics`, in Prometheus's text format.

    What waits to be learned is counted in the store for each page; NaN, when that cannot be done.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        await self._count()
        page = generate_latest(self._gateway.metrics.registry)
        await respond(send, 200, page, content_type=CONTENT_TYPE_LATEST.encode())

    async def _count(self) -> None:
        metrics = self._gateway.metrics
        pending = parked = oldest = math.nan
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(COUNTED):
                backlog = await self._gateway.backlog()
            pending, parked, oldest = backlog.pending, backlog.parked, 0.0
            if backlog.oldest is not None:
                oldest = max(0.0, (self._gateway.clock() - backlog.oldest) / 1000)
        metrics.pending.set(pending)
        metrics.parked.set(parked)
        metrics.oldest_pending.set(oldest)
