"""The parts that the HTTP floor is given; the composition roots put them together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

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
    fetcher: Fetcher
    background: Background
    drain: Drain
    metrics: Metrics
    clock: Callable[[], Millis]
    health: Callable[[], Awaitable[dict[str, str]]]
    backlog: Callable[[], Awaitable[Backlog]]
