"""The parts that the HTTP floor is given; the composition roots put them together."""

from asyncio import Lock, Semaphore
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from gateway.http.background import Background
from gateway.http.drain import Drain
from gateway.keys.budget import Budget
from gateway.keys.identity import Identity
from gateway.keys.keyring import Keyring
from gateway.memory.changing import Changer
from gateway.memory.erasure import Eraser
from gateway.memory.learning import Learner
from gateway.memory.model import Millis
from gateway.memory.ports import Backlog, ChatModel, DocumentReader, Fetcher, Registry, Store
from gateway.memory.recall import Recaller
from gateway.memory.turn_log import TurnLog
from gateway.metrics import Metrics
from gateway.settings import Settings

UPLOADS = 4  # of files that are received and read at once: what they take on disk is bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    settings: Settings
    model: ChatModel
    store: Store
    registry: Registry
    keyring: Keyring
    budget: Budget
    identity: Identity | None = None
    recaller: Recaller
    learner: Learner
    changer: Changer
    eraser: Eraser
    turn_log: TurnLog
    documents: DocumentReader
    uploads: Semaphore = field(default_factory=lambda: Semaphore(UPLOADS))
    adding: WeakValueDictionary[str, Lock] = field(default_factory=WeakValueDictionary)
    fetcher: Fetcher
    background: Background
    drain: Drain
    metrics: Metrics
    clock: Callable[[], Millis]
    health: Callable[[], Awaitable[dict[str, str]]]
    backlog: Callable[[], Awaitable[Backlog]]
