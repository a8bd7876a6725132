"""A gateway: every part made from the settings, run in one process, closed in order."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from gateway.adapters.documents.reader import ApartReader
from gateway.adapters.fetching import GuardedFetcher
from gateway.adapters.local_queue import LocalQueue
from gateway.errors import StartupError, StoreError
from gateway.http.app import create_app
from gateway.http.background import Background
from gateway.http.drain import Drain
from gateway.http.gateway import Gateway
from gateway.http.protocol import Http
from gateway.memory.changing import Changer
from gateway.memory.erasure import Eraser
from gateway.memory.model import now
from gateway.memory.recall import Recaller
from gateway.memory.turn_log import TurnLog
from gateway.metrics import Metrics
from gateway.parts import (
    Progress,
    chat_model,
    identity,
    learner_into,
    not_stored,
    open_budget,
    open_embedder,
    open_folder,
    open_keyring,
    open_proposer,
    open_queue,
    open_reranker,
    open_spool,
    open_store,
    replaying,
    worker_times,
)
from gateway.settings import Settings

CATCH_UP = 1.0  # seconds that a start may spend on learning what a crash left pending
RECORDS = 2.0  # seconds that what was cut at the end of the grace time has to be recorded in

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    settings: Settings,
    progress: Progress,
    refused: Callable[[StartupError], None] = lambda _: None,
) -> AsyncIterator[Gateway]:
    """All parts of a gateway, running; what was not learned when it ends is learned later.

    `refused` is told of a store that turns out later not to be fit. Raises StartupError.
    """
    metrics, background, drain = Metrics(), Background(), Drain()
    async with AsyncExitStack() as stack:
        embedder = open_embedder(settings, progress)
        stack.push_async_callback(embedder.aclose)
        reranker = await stack.enter_async_context(open_reranker(settings, progress))
        store = await stack.enter_async_context(
            open_store(settings, embedder, metrics, progress=progress, refused=refused)
        )
        model = await stack.enter_async_context(chat_model(settings, metrics))
        proposer = await stack.enter_async_context(open_proposer(settings, model, metrics))
        recaller = Recaller(
            store, embedder, reranker=reranker, reranked=settings.reranker_candidates
        )
        changer = Changer(store, embedder)
        learner = learner_into(
            store,
            embedder,
            proposer,
            changer,
            shared=recaller.shared,
            job_lasts=worker_times(settings).job_timeout,
        )
        metrics.gauge("gateway_in_flight", "Requests being served.", lambda: len(drain))
        metrics.gauge("gateway_tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
        spool = await stack.enter_async_context(open_spool(settings, metrics))
        queue = await stack.enter_async_context(open_queue(settings, learner, store, metrics))
        turn_log = TurnLog(
            learner=learner,
            outbox=store,
            queue=queue,
            spool=spool,
            told=not_stored(metrics),
            registry=store.registry,
        )
        await stack.enter_async_context(replaying(turn_log, spool))
        if isinstance(queue, LocalQueue):
            with suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP):
                    await queue.join()
        stack.push_async_callback(background.aclose, RECORDS)

        async def health() -> dict[str, str]:
            try:
                await store.pending(created_before=0, limit=1)
                kept = "ok"
            except StoreError as error:
                kept = "failing" if error.reason == "store" else error.reason
            held = "holding" if len(spool) else "ok"
            return {"store": kept, **await queue.health(), "spool": held}

        yield Gateway(
            settings=settings,
            model=model,
            store=store,
            registry=store.registry,
            keyring=await stack.enter_async_context(open_keyring(settings, store.registry)),
            budget=await stack.enter_async_context(open_budget(settings)),
            identity=identity(settings),
            recaller=recaller,
            learner=learner,
            changer=changer,
            eraser=Eraser(store=store, registry=store.registry, queue=queue, spool=spool),
            turn_log=turn_log,
            documents=ApartReader(pages=settings.max_file_pages),
            fetcher=GuardedFetcher(settings.fetch_allow),
            background=background,
            drain=drain,
            metrics=metrics,
            clock=now,
            health=health,
            backlog=store.backlog,
        )


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises StartupError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise StartupError(
            f"cannot serve on {settings.host}:{settings.port}: {error.strerror}"
        ) from error


async def serve(settings: Settings, progress: Progress, ready: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the port once requests are answered.

    Raises StartupError.
    """
    listener = listen(settings)
    refusal = asyncio.get_running_loop().create_future()
    with listener:
        async with running(settings, progress, refusal.set_result) as gateway:
            refusal.add_done_callback(lambda _: gateway.drain.begin())
            config = uvicorn.Config(
                create_app(gateway),
                lifespan="off",
                http=Http,
                loop="uvloop",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=0,  # the grace time has passed before it is asked to exit
            )
            # When it has shut down, uvicorn raises the signal again for the handler that was there
            # before; with the default one the process would die before its store is closed.
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, lambda *_: None)
            # What is there now stays: collections need not walk the libraries again and again.
            gc.collect()
            gc.freeze()
            ready(listener.getsockname()[1])
            server = _Server(config, gateway.drain)
            stopping = asyncio.create_task(server.stop_when_drained(settings.shutdown_grace))
            await server.serve(sockets=[listener])
            stopping.cancel()
            await gateway.drain.finished(within=RECORDS)  # what was cut just now
            _log.info("stopped serving")
    if refusal.done():
        raise refusal.result()


class _Server(uvicorn.Server):
    """At the first signal it drains, new requests get a 503; at the second it stops at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain.begun.is_set():
            super().handle_exit(sig, frame)
        else:
            asyncio.get_running_loop().call_soon_threadsafe(self._drain.begin)

    async def stop_when_drained(self, grace: float) -> None:
        await self._drain.begun.wait()
        _log.info("shutting down", under_way=len(self._drain))
        await self._drain.finished(within=grace)
        self.should_exit = True


def compact(settings: Settings, progress: Progress) -> None:
    """Give back the space of what was deleted. Blocks. Raises StartupError."""
    if settings.qdrant_url:
        raise StartupError("nothing to compact: GATEWAY_QDRANT_URL is set, and a server does it")
    before = _size(settings.data_dir)
    embedder = open_embedder(settings, progress)
    with closing(open_folder(settings, embedder, progress, Metrics())) as store:
        store.compact()
    after = _size(settings.data_dir)
    progress(f"{settings.data_dir}: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB now")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run(settings: Settings, progress: Progress, ready: Callable[[int], None]) -> None:
    """Serve on an event loop of its own. Raises StartupError."""
    import uvloop  # noqa: PLC0415  uvicorn's own extra; the rest of the module needs no loop

    uvloop.run(serve(settings, progress, ready))
