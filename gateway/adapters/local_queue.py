"""A job queue in this process: learns recorded turns in the background.

It holds ids only, and losing them is harmless: the ledger knows which turns are pending, and a
sweep at the start and now and then queues what was left, after a crash as well.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.errors import ExtractionBusyError
from gateway.memory.model import Millis, TurnState, now
from gateway.memory.ports import Outbox
from gateway.metrics import Metrics

SWEEP_LIMIT = 1000  # ids read from the ledger at once
LONGEST_WAIT = 60.0  # seconds that a model's server may put a turn off

_log = structlog.get_logger(__name__)


class LocalQueue:
    """Runs `learn` on each turn id, in the order they came, on `at_once` of them at a time.

    A turn that comes again while it is under way is learned again afterwards. A failure is tried
    again after `backoff` seconds, doubled each time, or after as long as the model's server asks
    for, and parked with its reason after `tries` attempts. Turns still pending after `sweep_every`
    seconds are queued again.
    """

    def __init__(
        self,
        learn: Callable[[str], Awaitable[None]],
        outbox: Outbox,
        metrics: Metrics,
        *,
        at_once: int = 1,
        tries: int = 5,
        backoff: float = 1.0,
        sweep_every: float = 60.0,
        clock: Callable[[], Millis] = now,
    ) -> None:
        self._learn = learn
        self._outbox = outbox
        self._metrics = metrics
        self._at_once = at_once
        self._tries = tries
        self._backoff = backoff
        self._sweep_every = sweep_every
        self._clock = clock
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._retrying: dict[str, asyncio.TimerHandle] = {}
        self._attempts: dict[str, int] = {}
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

    def state(self) -> str:
        """Either `ok` or, when nothing works on it, `stopped`."""
        return "stopped" if self._running is None or self._running.done() else "ok"

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
        return next((turn_id for turn_id in self._waiting if turn_id not in self._under_way), None)

    def _push(self, turn_id: str) -> None:
        if turn_id not in self._retrying:
            self._waiting.setdefault(turn_id)
            self._idle.clear()
            self._arrived.set()

    async def _attempt(self, turn_id: str) -> None:
        try:
            await self._learn(turn_id)
        except Exception as error:  # noqa: BLE001  any failure of a job is the queue's to handle
            wait = error.wait if isinstance(error, ExtractionBusyError) else 0.0
            await self._failed(turn_id, type(error).__name__, wait=min(wait, LONGEST_WAIT))
        else:
            self._attempts.pop(turn_id, None)
            self._metrics.jobs.labels("learned").inc()

    async def _failed(self, turn_id: str, reason: str, *, wait: float) -> None:
        attempts = self._attempts[turn_id] = self._attempts.get(turn_id, 0) + 1
        parked = attempts >= self._tries
        outcome = "parked" if parked else "retried"
        self._metrics.jobs.labels(outcome).inc()
        _log.warning("learning failed", turn=turn_id, error=reason, tries=attempts, then=outcome)
        if parked:
            del self._attempts[turn_id]
        else:
            delay = max(self._backoff * 2 ** (attempts - 1), wait)
            loop = asyncio.get_running_loop()
            self._retrying[turn_id] = loop.call_later(delay, self._again, turn_id)
        state = TurnState.PARKED if parked else TurnState.PENDING
        try:
            await self._outbox.mark(turn_id, state, attempts=attempts, error=reason)
        except Exception as error:  # noqa: BLE001  the turn stays pending and is swept
            _log.error("marking failed", turn=turn_id, error=type(error).__name__)

    def _again(self, turn_id: str) -> None:
        del self._retrying[turn_id]
        self._push(turn_id)
