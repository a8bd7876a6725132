"""All that is held about a user, taken away or erased from the command line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.qdrant import QdrantStore
from gateway.errors import DataFolderInUseError, StartupError
from gateway.http.memories.users import line
from gateway.memory.erasure import Eraser, Receipt, clear_up, holdings
from gateway.memory.model import Scope
from gateway.metrics import Metrics
from gateway.parts import Progress, open_spool
from gateway.settings import Settings
from gateway.store_alone import store_alone


class _Noted:
    """A queue whose turns are looked at as soon as all else is done."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def enqueue(self, turn_id: str) -> None:
        self.ids.append(turn_id)


async def export(settings: Settings, progress: Progress, scope: Scope) -> AsyncIterator[bytes]:
    """Everything held about a user, a line of JSON each. Raises StartupError."""
    async with _opened(settings, progress, "GET /v1/users/USER/export") as (store, _):
        async for held in holdings(store, store.registry, scope):
            yield line(held)


async def forget(settings: Settings, progress: Progress, scope: Scope) -> Receipt:
    """Erase everything of a user. Raises StartupError.

    What workers may be at work on, over a Qdrant server, they clear up themselves.
    """
    async with _opened(settings, progress, "DELETE /v1/users/USER") as (store, embedder):
        noted = _Noted()
        async with open_spool(settings, Metrics()) as spool:
            eraser = Eraser(store=store, registry=store.registry, queue=noted, spool=spool)
            receipt = await eraser.erase(scope)
        if not settings.qdrant_url:  # nobody else has the folder open
            for turn_id in noted.ids:
                if (turn := await store.load(turn_id)) is not None:
                    await clear_up(store, embedder, turn, receipt.erased)
        return receipt


@asynccontextmanager
async def _opened(
    settings: Settings, progress: Progress, instead: str
) -> AsyncIterator[tuple[EdgeStore | QdrantStore, FastEmbedder]]:
    try:
        async with store_alone(settings, progress) as opened:
            yield opened
    except DataFolderInUseError as error:
        raise StartupError(f"{error}; ask the gateway that serves it: {instead}") from error
