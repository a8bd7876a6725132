"""A job queue in this process: learns recorded turns in the background.

It holds ids only, and losing them is harmless: the ledger knows which turns are pending, and a
sweep at the start and now and then queues what was left, after a crash as well.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.adapters.attempts import BACKOFF, TRIES, Attempts
from gateway.memory.documents import may_wait
from gateway.memory.model import Millis, now
from gateway.memory.ports import Outbox
from gateway.metrics import Metrics

SWEEP_LIMIT = 1000  # ids read from the ledger at once

_log = structlog.get_logger(__name__)


class LocalQueue:
    """Runs `learn` on each turn id, in the order they came, on `at_once` of them at a time.

    What was said goes before what was read out of files, of which there may be much.

    A turn that comes again while it is under way is learned again afterwards. A failure, or what
    takes more than `timeout` seconds, is tried again after `backoff` seconds, doubled each time, or
    after as long as the model's server asks for, and parked with its reason after `tries` attempts.
    Turns still pending after `sweep_every` seconds are queued again.
    """

    def __init__(
        self,
        learn: Callable[[str], Awaitable[None]],
        outbox: Outbox,
        metrics: Metrics,
        *,
        at_once: int = 1,
        tries: int = TRIES,
        backoff: float = BACKOFF,
        timeout: float | None = 55.0,
        sweep_every: float = 60.0,
        clock: Callable[[], Millis] = now,
    ) -> None:
        self._attempts = Attempts(
            learn, outbox, metrics, timeout=timeout, tries=tries, backoff=backoff
        )
        self._outbox = outbox
        self._at_once = at_once
        self._sweep_every = sweep_every
        self._clock = clock
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._retrying: dict[str, asyncio.TimerHandle] = {}
        self._arrived = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._under_way: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """Turns that are not learned yet: under way, waiting, or waiting for another try."""
        return len(self._waiting) + len(self._retrying) + len(self._under_way)

    async def enqueue(self, turn_id: str) -> None:
        """Learn this turn soon. Queued twice is learned once."""
        self._push(turn_id)

    async def start(self) -> None:
        """Begin to work, with the turns that the ledger says are pending."""
        await self._sweep(self._clock())
        self._running = asyncio.create_task(self._run())

    async def join(self) -> None:
        """Wait until nothing is left to learn."""
        await self._idle.wait()

    async def health(self) -> dict[str, str]:
        """`queue` is `ok` or, when nothing works on it, `stopped`."""
        stopped = self._running is None or self._running.done()
        return {"queue": "stopped" if stopped else "ok"}

    async def aclose(self) -> None:
        """Stop at once; what was not learned stays pending in the ledger."""
        for timer in self._retrying.values():
            timer.cancel()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep_now_and_then())
            for _ in range(self._at_once):
                tasks.create_task(self._work())

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_every)
            await self._sweep(self._clock() - round(self._sweep_every * 1000))

    async def _sweep(self, created_before: Millis) -> None:
        try:
            left = await self._outbox.pending(created_before=created_before, limit=SWEEP_LIMIT)
        except Exception as error:  # noqa: BLE001  the next sweep may succeed
            _log.error("sweep failed", error=type(error).__name__)
            return
        for turn_id in left:
            self._push(turn_id)

    async def _work(self) -> None:
        while True:
            while (turn_id := self._next()) is None:
                self._arrived.clear()
                await self._arrived.wait()
            del self._waiting[turn_id]
            self._under_way.add(turn_id)
            await self._attempt(turn_id)
            self._under_way.remove(turn_id)
            if turn_id in self._waiting:
                self._arrived.set()
            if not self:
                self._idle.set()
            await asyncio.sleep(0)  # a backlog must not keep requests from the loop

    def _next(self) -> str | None:
        waiting = [turn_id for turn_id in self._waiting if turn_id not in self._under_way]
        said = (turn_id for turn_id in waiting if not may_wait(turn_id))
        return next(said, waiting[0] if waiting else None)

    def _push(self, turn_id: str) -> None:
        if turn_id not in self._retrying:
            self._waiting.setdefault(turn_id)
            self._idle.clear()
            self._arrived.set()

    async def _attempt(self, turn_id: str) -> None:
        attempt = await self._attempts(turn_id)
        if attempt.wait is not None:
            if earlier := self._retrying.get(turn_id):  # it came again while it was under way
                earlier.cancel()
            loop = asyncio.get_running_loop()
            self._retrying[turn_id] = loop.call_later(attempt.wait, self._again, turn_id)

    def _again(self, turn_id: str) -> None:
        del self._retrying[turn_id]
        self._push(turn_id)
