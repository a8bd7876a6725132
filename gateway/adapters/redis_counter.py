"""Counts that several gateways share, in Redis. A Redis that is away never holds a request up.

What Redis holds is the id of a key, the name of what is counted, and a number.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from gateway.adapters.arq_queue import Redis, disconnected
from gateway.adapters.local_counter import LocalCounter

PREFIX: Final = "memory-gateway:spent:"
PATIENCE: Final = 0.1  # seconds that one count may take
PAUSE: Final = 5.0  # seconds after a failure in which Redis is left alone

_log = structlog.get_logger(__name__)


class RedisCounter:
    """See `Counter`. While Redis fails, each gateway counts what it sees by itself."""

    def __init__(
        self,
        redis: Redis,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._patience = patience
        self._clock = clock
        self._alone = LocalCounter()
        self._until = 0.0  # when Redis is asked again

    async def add(self, name: str, amount: int, seconds: int) -> int:
        if self._clock() >= self._until:
            try:
                return await self._together(name, amount, seconds)
            except Exception as error:  # noqa: BLE001  whatever keeps Redis from it
                _log.warning("Redis counts no budgets", error=type(error).__name__)
                self._until = self._clock() + PAUSE
        return await self._alone.add(name, amount, seconds)

    async def _together(self, name: str, amount: int, seconds: int) -> int:
        async with asyncio.timeout(self._patience):
            async with self._redis.pipeline(transaction=True) as commands:
                commands.incrby(PREFIX + name, amount)
                commands.expire(PREFIX + name, seconds)
                count, _ = await commands.execute()
        return int(count)

    async def aclose(self) -> None:
        await disconnected(self._redis)
