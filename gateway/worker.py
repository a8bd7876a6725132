"""A worker: learns what the gateways record, from the Redis and the Qdrant server they share."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import structlog
from prometheus_client import start_http_server

from gateway.adapters.arq_worker import Supervisor, worker_settings
from gateway.adapters.attempts import Attempts
from gateway.errors import StartupError
from gateway.memory.changing import Changer
from gateway.metrics import Metrics
from gateway.parts import (
    Progress,
    chat_model,
    learner_into,
    open_embedder,
    open_proposer,
    open_store,
    redis,
    worker_times,
)
from gateway.settings import Settings

JOBS = 20  # at a time, of a worker that waits for the store and the embedder alone

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    settings: Settings,
    progress: Progress,
    refused: Callable[[StartupError], None] = lambda _: None,
) -> AsyncIterator[Supervisor]:
    """All parts of a worker, but for the one that takes jobs: that is the supervisor's `run`.

    `refused` is told of a store that turns out later not to be fit. Raises StartupError.
    """
    if not settings.redis_url.get_secret_value():
        raise StartupError("a worker needs GATEWAY_REDIS_URL: without it the gateway learns itself")
    metrics = Metrics()
    times = worker_times(settings)
    async with AsyncExitStack() as stack:
        embedder = open_embedder(settings, progress)
        stack.push_async_callback(embedder.aclose)
        store = await stack.enter_async_context(
            open_store(settings, embedder, metrics, progress=progress, refused=refused)
        )
        model = await stack.enter_async_context(chat_model(settings, metrics))
        proposer = await stack.enter_async_context(open_proposer(settings, model, metrics))
        learner = learner_into(
            store, embedder, proposer, Changer(store, embedder), job_lasts=times.job_timeout
        )
        attempts = Attempts(
            learner.learn, store, metrics, timeout=times.attempt, tries=settings.job_tries
        )
        redis(settings)  # a URL that is none is told now
        supervisor = Supervisor(
            lambda: redis(settings),
            worker_settings(attempts, store, times, max_jobs=_at_once(settings)),
            times,
        )
        metrics.gauge(
            "gateway_worker_working", "1 while Redis is there.", lambda: supervisor.working
        )
        stack.enter_context(_metrics_page(settings, metrics))
        yield supervisor


def _at_once(settings: Settings) -> int:
    """Jobs at a time: as many as the model that reads turns is asked about, if there is one."""
    return settings.extraction_concurrency if settings.extraction_model else JOBS


@contextmanager
def _metrics_page(settings: Settings, metrics: Metrics) -> Iterator[None]:
    """Every path of the worker's port, if it has one, is answered with the metrics."""
    if not settings.worker_port:
        yield
        return
    try:
        server, _ = start_http_server(settings.worker_port, settings.host, metrics.registry)
    except OSError as error:
        place = f"{settings.host}:{settings.worker_port}"
        raise StartupError(f"cannot serve metrics on {place}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


async def work(settings: Settings, progress: Progress, ready: Callable[[], None]) -> None:
    """Learn until SIGINT or SIGTERM; a job that is under way has the grace time.

    `ready` is called once jobs are taken. Raises StartupError.
    """
    loop = asyncio.get_running_loop()
    refusal: asyncio.Future[StartupError] = loop.create_future()
    async with running(settings, progress, refusal.set_result) as supervisor:
        refusal.add_done_callback(lambda _: supervisor.stop())
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, supervisor.stop)
        ready()
        await supervisor.run()
        _log.info("stopped working")
    if refusal.done():
        raise refusal.result()


def run(settings: Settings, progress: Progress, ready: Callable[[], None]) -> None:
    """Work on an event loop of its own. Raises StartupError."""
    import uvloop  # noqa: PLC0415  as for the gateway

    uvloop.run(work(settings, progress, ready))
