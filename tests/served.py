"""A gateway on a real socket in the test's own loop, over fakes unless a test brings others."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

import uvicorn

from gateway.adapters.documents.reader import ApartReader
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.fetching import GuardedFetcher
from gateway.adapters.local_queue import LocalQueue
from gateway.adapters.offline_model import OfflineModel
from gateway.adapters.upstream import Timeouts, Upstream
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
    identity,
    learner_into,
    not_stored,
    open_budget,
    open_keyring,
    open_proposer,
)
from gateway.settings import Settings


@dataclass
class Served:
    """A gateway that answers at `url`."""

    url: str
    gateway: Gateway
    queue: LocalQueue

    async def learned(self) -> None:
        """Wait until every turn that was recorded is learned."""
        async with asyncio.timeout(10):
            await self.gateway.background.join()
            await self.queue.join()


@asynccontextmanager
async def served(
    upstream_url: str = "",
    *,
    store=None,
    embedder=None,
    reranker=None,
    spool=None,
    queue=None,
    timeouts=None,
    model=None,
    health=None,
    budget=None,
    documents=None,
    fetcher=None,
    **settings,
) -> AsyncIterator[Served]:
    """`settings` are the gateway's own; without an upstream the offline model answers.

    `queue` learns the turns instead of a local one, `model` stands in for a single upstream.
    """
    config = Settings(upstream_base_url=upstream_url, **settings)
    metrics, background = Metrics(), Background()
    store = store or FakeStore()
    embedder = embedder or FakeEmbedder()
    model = model or (
        Upstream(
            upstream_url,
            api_key=config.upstream_api_key.get_secret_value(),
            timeouts=timeouts or Timeouts(connect=2, first_byte=5, idle=5),
        )
        if upstream_url
        else OfflineModel()
    )
    stack = AsyncExitStack()
    proposer = await stack.enter_async_context(open_proposer(config, model, metrics))
    recaller = Recaller(store, embedder, reranker=reranker)
    changer = Changer(store, embedder)
    learner = learner_into(store, embedder, proposer, changer, shared=recaller.shared)
    here = LocalQueue(learner.learn, store, metrics)
    spool = FakeSpool() if spool is None else spool
    turn_log = TurnLog(
        learner=learner,
        outbox=store,
        queue=queue or here,
        spool=spool,
        told=not_stored(metrics),
        registry=store.registry,
    )

    async def all_is_well():
        return {"store": "ok"}

    gateway = Gateway(
        settings=config,
        model=model,
        store=store,
        registry=store.registry,
        keyring=await stack.enter_async_context(open_keyring(config, store.registry)),
        budget=budget or await stack.enter_async_context(open_budget(config)),
        identity=identity(config),
        recaller=recaller,
        learner=learner,
        changer=changer,
        eraser=Eraser(store=store, registry=store.registry, queue=queue or here, spool=spool),
        turn_log=turn_log,
        documents=documents or ApartReader(pages=config.max_file_pages),
        fetcher=fetcher or GuardedFetcher(config.fetch_allow),
        background=background,
        drain=Drain(),
        metrics=metrics,
        clock=now,
        health=health or all_is_well,
        backlog=store.backlog,
    )
    if queue is None:
        await here.start()
    listener = socket.create_server(("127.0.0.1", 0))
    # As uvloop has it for each connection; without it an answer's second piece waits for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(gateway),
            http=Http,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
        )
    )
    setattr(server, "capture_signals", nullcontext)  # noqa: B010  the runner keeps its handlers
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", gateway, here)
    finally:
        server.should_exit = True
        server.force_exit = True
        await running
        await background.aclose(5)
        await here.aclose()
        await stack.aclose()
        if isinstance(model, Upstream):
            await model.aclose()
