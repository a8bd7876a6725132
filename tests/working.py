"""A worker in the test's own loop, over a real Redis and whatever store the test has."""

import asyncio
from contextlib import asynccontextmanager, suppress

from gateway.adapters.arq_queue import ArqQueue, connection
from gateway.adapters.arq_worker import Supervisor, WorkerTimes, worker_settings
from gateway.adapters.attempts import Attempts
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.errors import StoreError
from gateway.memory.learning import Learner
from gateway.memory.model import TurnState
from gateway.metrics import Metrics

BRISK = WorkerTimes(
    job_timeout=2.0, margin=0.5, sweep_every=1, sweep_after=0.2, grace=0.3, poll=0.02
)


@asynccontextmanager
async def queued(url: str, metrics: Metrics | None = None, **options):
    """A gateway's side of the queue."""
    queue = ArqQueue(connection(url), metrics or Metrics(), pauses=(0.05, 0.2), **options)
    queue.start()
    try:
        yield queue
    finally:
        await queue.aclose()


def supervisor(
    url,
    store,
    *,
    times=BRISK,
    metrics=None,
    learn=None,
    embedder=None,
    tries=5,
    backoff=0.01,
    max_jobs=20,
) -> Supervisor:
    """`url` may be a function, for a Redis whose password changes."""
    learner = Learner(store=store, outbox=store, embedder=embedder or FakeEmbedder())
    attempts = Attempts(
        learn or learner.learn,
        store,
        metrics or Metrics(),
        timeout=times.attempt,
        tries=tries,
        backoff=backoff,
        unreachable=0.2,
    )
    where = url if callable(url) else lambda: url
    return Supervisor(
        lambda: connection(where()),
        worker_settings(attempts, store, times, max_jobs=max_jobs),
        times,
        pauses=(0.05, 0.3),
    )


@asynccontextmanager
async def working(url, store, **options):
    """A worker that runs, and is asked to stop at the end."""
    it = supervisor(url, store, **options)
    running = asyncio.create_task(it.run())
    try:
        yield it
    finally:
        it.stop()
        await running


async def until(holds, within: float = 20) -> None:
    """Wait for what happens in another process, which says nothing that could be waited for."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.02)


async def learned(store, *turn_ids: str, within: float = 20) -> int:
    """Wait until the turns are learned; how many are."""
    states: list[TurnState] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while states != [TurnState.LEARNED] * len(turn_ids):
                await asyncio.sleep(0.02)
                with suppress(StoreError):  # a store that has just come back
                    turns = [await store.load(turn_id) for turn_id in turn_ids]
                    states = [turn.state for turn in turns if turn is not None]
    return states.count(TurnState.LEARNED)
