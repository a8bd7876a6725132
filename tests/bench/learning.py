"""`python -m tests.bench.learning`: turns that workers learn in a second, without a language model.

Real workers, each embedding on one thread, over a real Redis; the store is the Qdrant front of the
tests, whose engine is in Python, and has a share of the two cores as well. Turns are recorded
first, then their ids are handed over at once, and the time is taken until the ledger calls none
pending. The same turns are learned in one process on Qdrant Edge, to compare.
"""

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from gateway.adapters.arq_queue import connection, hand_over
from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.local_queue import LocalQueue
from gateway.memory.learning import Learner
from gateway.memory.model import Message, Scope, Turn, identifier
from gateway.memory.ports import Embedder
from gateway.metrics import Metrics
from gateway.parts import open_embedder
from gateway.settings import Settings
from tests import process
from tests.bench.load import median
from tests.halting_worker import shared_store
from tests.qdrant_process import qdrant
from tests.redis_server import redis_server

WORDS = (Path(__file__).parent / "words.txt").read_text().split()
USERS = 50
STATED = ["I live in {}.", "I love {}.", "My dog is called {}.", "I work as a {}.", "I hate {}."]


def turns(count: int, run: str) -> list[Turn]:
    """A statement, a question of some twenty words and an answer of forty, by one of many users."""
    chance = random.Random(3)
    made = []
    for number in range(count):
        fact = chance.choice(STATED).format(chance.choice(WORDS).capitalize())
        asked = f"{fact} {' '.join(chance.choices(WORDS, k=20))}?"
        answer = " ".join(chance.choices(WORDS, k=40))
        made.append(
            Turn(
                id=identifier("bench", run, str(number)),
                scope=Scope("default", f"user-{run}-{number % USERS}"),
                conversation=f"c{number}",
                messages=(
                    Message(role="user", content=asked, time=number),
                    Message(role="assistant", content=answer, time=number),
                ),
                created=number,
            )
        )
    return made


async def by_workers(workers: int, count: int, embedder: Embedder, cache: Path) -> float:
    """Turns learned in a second."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server())
        front = stack.enter_context(qdrant())
        shared = {"qdrant_url": front.url, "redis_url": redis.url}
        prefix = Settings().qdrant_prefix
        store = await shared_store(
            front.url, prefix=prefix, model=embedder.model, dimension=embedder.dimension
        )
        said = turns(count, str(workers))
        learner = Learner(store=store, outbox=store, embedder=embedder)
        for turn in said:
            await learner.record(turn)
        for number in range(workers):
            stack.enter_context(process.worker(folder / str(number), cache, **shared))
        begun = time.perf_counter()
        await hand_over(connection(redis.url), [turn.id for turn in said])
        while (await store.backlog()).pending:  # noqa: ASYNC110  other processes work on it
            await asyncio.sleep(0.05)
        took = time.perf_counter() - begun
        await store.aclose()
    return count / took


async def in_one_process(count: int, embedder: FastEmbedder) -> float:
    """The same on Qdrant Edge, by the gateway's own queue."""
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore.open(
            Path(folder), model=embedder.model, dimension=embedder.dimension, progress=print
        )
        learner = Learner(store=store, outbox=store, embedder=embedder)
        said = turns(count, "edge")
        for turn in said:
            await learner.record(turn)
        queue = LocalQueue(learner.learn, store, Metrics())
        begun = time.perf_counter()
        await queue.start()
        await queue.join()
        took = time.perf_counter() - begun
        await queue.aclose()
        store.close()
    return count / took


async def main(count: int, rounds: int) -> None:
    settings = Settings()
    embedder = open_embedder(settings, print)
    print(f"turns learned in a second: median of {rounds} rounds of {count} turns")
    edge = [await in_one_process(count, embedder) for _ in range(rounds)]
    print(f"one process on Qdrant Edge  {median(edge):6.1f}")
    for workers in (1, 2):
        rates = [
            await by_workers(workers, count, embedder, settings.cache_dir) for _ in range(rounds)
        ]
        print(f"workers: {workers}                  {median(rates):6.1f}")
    await embedder.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.turns, given.rounds))
