"""A worker that stands still at a named point of a job, and says so, until it is killed.

Run as `python -m tests.halting_worker REDIS QDRANT POINT`, with a store made for the fake embedder.
Otherwise it is composed of a worker's own parts. Points: `load`, `write`, `between`, `mark`,
`marked`.
"""

import asyncio
import signal
import sys

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_collections import Layout
from gateway.metrics import Metrics
from tests.working import supervisor

POINTS = ["load", "write", "between", "mark", "marked"]


class Halting:
    """A store at which a job stops, before or after the call that the point names."""

    def __init__(self, store, point: str) -> None:
        self._store = store
        self._point = point
        self._writes = 0

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def load(self, turn_id):
        await self._reached("load")
        return await self._store.load(turn_id)

    async def revise_memories(self, scope, entries, held):
        self._writes += 1
        await self._reached("write" if self._writes == 1 else "between")
        await self._store.revise_memories(scope, entries, held)

    async def mark(self, turn_id, state, **more):
        await self._reached("mark")
        await self._store.mark(turn_id, state, **more)
        await self._reached("marked")

    async def _reached(self, point: str) -> None:
        if point == self._point:
            sys.stdout.write(f"at {point}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


async def shared_store(
    url: str,
    *,
    prefix: str = "worker-",
    model: str = FakeEmbedder().model,
    dimension: int = FakeEmbedder().dimension,
) -> QdrantStore:
    """The store in the front at `url`, unless told otherwise for the fake embedder's vectors."""
    store = QdrantStore(
        server_client(url),
        Layout(prefix=prefix, shards=1, replicas=1, write_consistency=1),
        model=model,
        dimension=dimension,
        metrics=Metrics(),
    )
    await store.start()
    return store


async def main(redis_url: str, qdrant_url: str, point: str) -> None:
    store = await shared_store(qdrant_url)
    worker = supervisor(redis_url, Halting(store, point))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
