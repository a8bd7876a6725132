"""The job queue in Redis: what a gateway hands to the workers, through arq.

A job is a turn's id and nothing else. Losing one is harmless, for the ledger knows which turns are
pending; so Redis may be emptied, full, frozen or away, and nobody waits for it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import orjson
import structlog
from arq.connections import ArqRedis
from arq.constants import health_check_key_suffix, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from gateway.adapters.cancelling import cancelled
from gateway.memory.model import now
from gateway.memory.ports import Outbox
from gateway.metrics import Metrics

QUEUE: Final = "memory-gateway:turns"  # not arq's own, which other applications may share
JOB: Final = "learn_turn"
ALIVE: Final = QUEUE + health_check_key_suffix  # there for as long as a worker lives

ENQUEUE: Final = 0.5  # seconds that handing over one id may take
MOST: Final = 10_000  # ids that wait here; of more, the sweep takes care
PAUSES: Final = (0.5, 5.0)  # seconds after a failure: the first, doubled, and the longest
EXPIRY: Final = 86_400_000  # milliseconds that a job is kept; what it asks for is swept anyhow
SWEPT: Final = 1000  # turns that one sweep queues again
Redis: TypeAlias = ArqRedis

ANSWER: Final = 5.0  # seconds within which Redis answers, or the connection is given up

_log = structlog.get_logger(__name__)


def connection(url: str) -> ArqRedis:
    """A client of the Redis at `url`; nothing is sent yet. Raises ValueError for another URL.

    Both sides speak JSON: with arq's own pickle, whoever can write to Redis could run code here.
    """
    pool = ConnectionPool.from_url(
        url, socket_connect_timeout=1.0, socket_timeout=ANSWER, socket_keepalive=True
    )
    return ArqRedis(
        pool,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        default_queue_name=QUEUE,
    )


async def disconnected(redis: ArqRedis) -> None:
    """Close its connections; one that breaks over it is closed too."""
    with suppress(RedisError, OSError):
        await redis.aclose(close_connection_pool=True)


class ArqQueue:
    """See `JobQueue`. `enqueue` only notes an id; one task hands them over, one by one."""

    def __init__(
        self,
        redis: ArqRedis,
        metrics: Metrics,
        *,
        timeout: float = ENQUEUE,
        most: int = MOST,
        pauses: tuple[float, float] = PAUSES,
    ) -> None:
        self._redis = redis
        self._metrics = metrics
        self._timeout = timeout
        self._most = most
        self._pauses = pauses
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Ids that Redis has not got yet."""
        return len(self._waiting)

    async def enqueue(self, turn_id: str) -> None:
        """Have a worker learn this turn; returns at once."""
        if len(self._waiting) < self._most:
            self._waiting.setdefault(turn_id)
            self._idle.clear()
            self._arrived.set()
        else:
            self._metrics.enqueues.labels("dropped").inc()

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def health(self) -> dict[str, str]:
        """`queue` is `ok` or `unreachable`, `workers` are `ok` or `none`."""
        try:
            async with asyncio.timeout(self._timeout):
                alive = await self._redis.exists(ALIVE)
        except Exception:  # noqa: BLE001  whatever keeps us from asking
            return {"queue": "unreachable", "workers": "unknown"}
        return {"queue": "ok", "workers": "ok" if alive else "none"}

    async def aclose(self) -> None:
        """Hand over what still waits, if Redis takes it at once; what it does not is swept."""
        if self._running is not None:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._idle.wait()
            except TimeoutError:
                _log.warning("turns are left to the sweep", turns=len(self))
            await cancelled([self._running])
        await disconnected(self._redis)

    async def _run(self) -> None:
        shortest, longest = self._pauses
        pause = 0.0
        while True:
            while not self._waiting:
                self._idle.set()
                self._arrived.clear()
                await self._arrived.wait()
            turn_id = next(iter(self._waiting))
            del self._waiting[turn_id]  # so that it is sent again when it comes again meanwhile
            try:
                async with asyncio.timeout(self._timeout):
                    await _enqueue(self._redis, turn_id)
            except Exception as error:  # noqa: BLE001  no failure of Redis may end this task
                self._waiting = {turn_id: None} | self._waiting
                self._metrics.enqueues.labels("failed").inc()
                if not pause:
                    _log.warning("Redis takes no jobs", error=type(error).__name__)
                pause = min(max(pause * 2, shortest), longest)
                await asyncio.sleep(pause)
            else:
                self._metrics.enqueues.labels("queued").inc()
                if pause:
                    _log.info("Redis takes jobs again", waiting=len(self))
                pause = 0.0


async def hand_over(redis: ArqRedis, turn_ids: Sequence[str]) -> int:
    """Queue these turns and close the connection; how many of them Redis did not take."""
    taken = 0
    try:
        for turn_id in turn_ids:
            async with asyncio.timeout(ANSWER):
                await _enqueue(redis, turn_id)
            taken += 1
    except Exception as error:  # noqa: BLE001  whatever keeps Redis from it, they are swept
        _log.warning("Redis takes no jobs", error=type(error).__name__)
    finally:
        await disconnected(redis)
    return len(turn_ids) - taken


async def sweep(redis: ArqRedis, outbox: Outbox, *, created_before: int) -> int:
    """Queue again what the ledger calls pending and Redis has lost; how many turns that were.

    Raises StoreError, RedisError.
    """
    swept = 0
    for turn_id in await outbox.pending(created_before=created_before, limit=SWEPT):
        swept += await _enqueue(redis, turn_id)
    return swept


async def _enqueue(redis: ArqRedis, turn_id: str) -> bool:
    """Add the job as arq would, unless it is there; whether it was not. Raises RedisError.

    arq itself watches the job first: four commands for one, and a connection that is not given back
    when the time is up amid them. It also takes a job that stands in no queue for one that will be
    run, as one does whose Redis drops single keys for want of memory.
    """
    score = now()
    job = serialize_job(JOB, (turn_id,), {}, None, score, serializer=orjson.dumps)
    async with redis.pipeline(transaction=True) as commands:
        commands.set(job_key_prefix + turn_id, job, px=EXPIRY, nx=True)
        commands.zadd(QUEUE, {turn_id: score}, nx=True)
        added = await commands.execute()
    return any(added)
