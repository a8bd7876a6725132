"""arq's worker, made so that it survives what is done to its Redis.

arq's own ends with the connection, retries no exception, and trips over jobs that are not its own.
Here a supervisor starts it anew, tries are counted in the ledger (`Attempts`), and what is not a
turn's id under the name of our one job is thrown out unread.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

import orjson
import structlog
from arq.connections import ArqRedis
from arq.cron import cron
from arq.worker import Retry, Worker, func
from redis.exceptions import ResponseError

from gateway.adapters.arq_queue import JOB, QUEUE, disconnected, sweep
from gateway.adapters.attempts import Attempts, Outcome
from gateway.adapters.cancelling import cancelled
from gateway.memory.model import Millis, now
from gateway.memory.ports import Outbox

SWEEP: Final = "sweep"
MAX_STARTS: Final = 25  # of one job: five tries of its own, and twenty deploys
HELD_UP: Final = 5  # starts of a job whose ledger is away; then it is left to the sweep
RECOVERY: Final = 5.0  # seconds that jobs have to end in when Redis fails their worker
PAUSES: Final = (0.2, 5.0)  # seconds before arq is started anew: the first, doubled, the longest

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTimes:
    """All in seconds.

    A job whose worker died is another's `margin` after it would have timed out. What is swept
    should be older than that, though sweeping earlier only costs a look.
    """

    job_timeout: float = 60.0
    margin: float = 10.0
    sweep_every: int = 60
    sweep_after: float = 120.0
    grace: float = 20.0
    poll: float = 0.1

    @property
    def attempt(self) -> float:
        """What an attempt may take, so that arq's own limit, which is final, is never met."""
        return self.job_timeout * 11 / 12


def worker_settings(
    attempts: Attempts,
    outbox: Outbox,
    times: WorkerTimes,
    *,
    max_jobs: int = 20,
    clock: Callable[[], Millis] = now,
) -> dict[str, Any]:
    """What arq's worker is made with: flat, for it takes no setting from a base class."""

    async def learn_turn(ctx: dict[str, Any], turn_id: str) -> None:
        if ctx["job_try"] >= MAX_STARTS:  # every worker that took it died of it, or was stopped
            await attempts.give_up(turn_id, "Interrupted")
            return
        attempt = await attempts(turn_id)
        left_to_the_sweep = attempt.outcome is Outcome.HELD_UP and ctx["job_try"] >= HELD_UP
        if attempt.wait is not None and not left_to_the_sweep:
            raise Retry(defer=attempt.wait)

    async def swept(ctx: dict[str, Any]) -> None:
        before = clock() - round(times.sweep_after * 1000)
        try:
            found = await sweep(ctx["redis"], outbox, created_before=before)
        except Exception as error:  # noqa: BLE001  the next sweep may succeed
            _log.error("sweep failed", error=type(error).__name__)
            return
        if found:
            _log.info("turns queued again", turns=found)

    return {
        "functions": [func(learn_turn, name=JOB)],
        "cron_jobs": [
            cron(
                swept,
                name=SWEEP,
                second=set(range(0, 60, min(times.sweep_every, 60))),
                run_at_startup=True,
            )
        ],
        "queue_name": QUEUE,
        "handle_signals": False,
        "max_jobs": max_jobs,
        "queue_read_limit": 500,  # what others work on stands before what waits
        "job_timeout": times.job_timeout,
        "keep_result": 0,  # a kept result would keep its turn from being queued again
        "poll_delay": times.poll,
        "max_tries": MAX_STARTS,
        "health_check_interval": 15,
        "job_serializer": orjson.dumps,
        "job_deserializer": _job,
        "timezone": UTC,
        "log_results": False,
    }


class Supervisor:
    """Keeps a worker at work until it is told to stop, however often its Redis fails."""

    def __init__(
        self,
        connect: Callable[[], ArqRedis],
        settings: dict[str, Any],
        times: WorkerTimes,
        *,
        pauses: tuple[float, float] = PAUSES,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._times = times
        self._pauses = pauses
        self._stopping = asyncio.Event()
        self.working = False

    def stop(self) -> None:
        """Take no more jobs; those under way have the grace time, then are given back."""
        self._stopping.set()

    async def run(self) -> None:
        """Returns once it was told to stop."""
        shortest, longest = self._pauses
        pause = 0.0
        stopping = asyncio.create_task(self._stopping.wait())
        while not stopping.done():
            begun = asyncio.get_running_loop().time()
            error = await self._work(stopping)
            if error is None:
                break
            lasted = asyncio.get_running_loop().time() - begun
            if lasted > longest:
                pause = 0.0
            _log.warning("Redis failed the worker", error=type(error).__name__)
            pause = min(max(pause * 2, shortest), longest)
            await asyncio.wait({stopping}, timeout=pause)

    async def _work(self, stopping: asyncio.Task[Any]) -> BaseException | None:
        """Run one worker until it is to stop, or fails; what it failed of."""
        redis = self._connect()
        worker = _Worker(redis_pool=redis, **self._settings)
        worker.in_progress_timeout_s = self._times.job_timeout + self._times.margin
        running = asyncio.create_task(worker.async_run())
        self.working = True
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.allow_pick_jobs = False
            jobs = set(worker.tasks.values())
            if jobs:
                grace = self._times.grace
                if not stopping.done():
                    grace = min(grace, RECOVERY)
                await asyncio.wait(jobs, timeout=grace)
            worker.stopping = True
            await asyncio.wait({running}, timeout=RECOVERY)
            await cancelled(jobs)  # arq gives them back: the next worker takes them at once
            await asyncio.gather(*jobs, return_exceptions=True)
            if stopping.done() or not running.done():
                return None
            return running.exception()
        finally:
            self.working = False
            await cancelled([running])
            if worker.finishing:
                await asyncio.wait(worker.finishing, timeout=RECOVERY)
            await disconnected(redis)


class _Worker(Worker):
    """Does not end for what others put into Redis, and knows which jobs it is giving back."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  arq's own
        super().__init__(**settings)
        self.finishing: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def _poll_iteration(self) -> None:
        """One look at the queue, or the end: between two commands, not amid one."""
        if self.stopping:
            raise asyncio.CancelledError
        await super()._poll_iteration()

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  arq's own
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  arq shields it, in a task of its own
        self.finishing.add(task)
        try:
            await super().finish_job(*args, **kwargs)
        finally:
            self.finishing.discard(task)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        strange = [each for each in job_ids if not _ours(each)]
        if strange:
            await self.pool.zrem(QUEUE, *strange)
            _log.warning("foreign ids thrown out of the queue", ids=len(strange))
        await super().start_jobs([each for each in job_ids if each not in strange])

    async def run_job(self, job_id: str, score: int) -> None:
        try:
            await super().run_job(job_id, score)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            await self.finish_failed_job(job_id, None)
            _log.warning("a foreign value thrown out of the queue")


def _ours(job_id: bytes) -> bool:
    """Whether it is a turn's id, or a sweep's."""
    try:
        name = job_id.decode()
        return name.startswith(f"{SWEEP}:") or str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _job(raw: bytes) -> dict[str, Any]:
    """A job as arq wrote it, if it is one of ours. Raises ValueError."""
    job = orjson.loads(raw)
    match job:
        case {"f": str(), "a": [], "k": {}, "t": int() | None, "et": int()} if job["f"] == SWEEP:
            sound = True
        case {"f": str(), "a": [str(turn)], "k": {}, "t": int() | None, "et": int()}:
            sound = job["f"] == JOB and _ours(turn.encode())
        case _:
            sound = False
    if not sound or job["k"]:
        raise ValueError("no job of ours")
    return dict(job)
