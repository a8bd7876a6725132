"""`python -m tests.bench.sizes`: how long recall takes as the store grows, in the process itself.

A user has a thousand memories, so what grows is how many users there are; and then one user who has
as many as all of them. The question is embedded each time, on one thread.
"""

import asyncio
import random
import tempfile
import time
from pathlib import Path

from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.memory.model import Kind, Scope
from gateway.memory.recall import Recaller, RecallOptions
from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.bench.load import percentile
from tests.bench.seed import DIMENSION, seed, sentence

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 200
OPTIONS = RecallOptions(kinds=frozenset(Kind), limit=10, floor=0.45, standing=True)


async def measure(embedder: FastEmbedder, size: int, users: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        await seed(data, embedder.model, size, users)
        store = EdgeStore.open(data, model=embedder.model, dimension=DIMENSION)
        recaller, chance = Recaller(store, embedder), random.Random(3)
        times = []
        for number in range(QUESTIONS + 20):
            scope = Scope("default", f"user-{number % users}")
            question = f"{sentence(chance)} {number}?"
            begun = time.perf_counter()
            await recaller.search(scope, question, OPTIONS)
            times.append((time.perf_counter() - begun) * 1000)
        store.close()
    p50, p95 = (percentile(times[20:], share) for share in (0.5, 0.95))
    return f"{size:7} memories of {users:3} users   {p50:6.1f} / {p95:6.1f}"


async def main() -> None:
    embedder = open_embedder(Settings(), print)
    print("\nrecall, its question's embedding included: p50 / p95 ms")
    for size in SIZES:
        print(await measure(embedder, size, max(1, size // 1000)))
    print(await measure(embedder, SIZES[1], 1))
    await embedder.aclose()


if __name__ == "__main__":
    asyncio.run(main())
