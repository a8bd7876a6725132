"""The store by itself, for a command that needs nothing else of a gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.qdrant import QdrantStore
from gateway.errors import StartupError, StoreError
from gateway.metrics import Metrics
from gateway.parts import Progress, open_embedder, open_store
from gateway.settings import Settings


@asynccontextmanager
async def store_alone(
    settings: Settings, progress: Progress
) -> AsyncIterator[tuple[EdgeStore | QdrantStore, FastEmbedder]]:
    """The store, and the embedder that it is for.

    Raises DataFolderInUseError for a data folder that is served from, StartupError, and the latter
    also when the store fails while it is open.
    """
    async with AsyncExitStack() as stack:
        embedder = open_embedder(settings, progress)
        stack.push_async_callback(embedder.aclose)
        store = await stack.enter_async_context(
            open_store(settings, embedder, Metrics(), progress=progress, refused=lambda _: None)
        )
        try:
            yield store, embedder
        except StoreError as error:
            raise StartupError(f"the store cannot be asked: {error}") from error
