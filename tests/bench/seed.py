"""A store full of memories to measure on."""

import random
from pathlib import Path

import numpy as np

from gateway.adapters.edge import EdgeStore
from gateway.memory.episodes import episodes
from gateway.memory.model import Indexed, Message, Scope, Turn, identifier

WORDS = (Path(__file__).parent / "words.txt").read_text().split()
DIMENSION = 384


def sentence(chance: random.Random, length: int = 12) -> str:
    return " ".join(chance.choices(WORDS, k=length))


async def seed(folder: Path, model: str, memories: int, users: int) -> None:
    """Memories of thirty words with random vectors, which cost a search the same as real ones."""
    chance, vectors = random.Random(1), np.random.default_rng(1)
    store = EdgeStore.open(folder, model=model, dimension=DIMENSION, progress=print)
    for start in range(0, memories, 100):
        scope = Scope("default", f"user-{start // 100 % users}")
        messages = [
            Message(role="user", content=sentence(chance, 30), time=start + i) for i in range(100)
        ]
        turn = Turn(
            id=identifier("bench", str(start)),
            scope=scope,
            conversation=f"c{start}",
            messages=tuple(messages),
            created=start,
        )
        entries = [
            Indexed(
                memory=piece.memory,
                words=piece.words,
                vector=vectors.normal(size=DIMENSION).tolist(),
            )
            for piece in episodes(turn)
        ]
        await store.put_memories(scope, entries)
    store.close()
