"""`python -m tests.bench.adding`: what adding a turn costs without a model, embedding included.

One process, one thread of embedding, the embedded store in a temporary folder; each turn is
recorded and learned before the next. In CPU time too, for a machine that others use meanwhile.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from gateway.adapters.edge import EdgeStore
from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.minilm import MODEL, ensure_default_model
from gateway.memory.learning import Learner
from gateway.memory.model import Message, Scope, Turn, identifier, now
from gateway.settings import Settings
from tests.bench.load import percentile

SUITES = Path(__file__).parent.parent / "suites"
ANN = Scope("bench", "ann")
REPEATED = 2  # times that the sentences of the suites are told


def sentences() -> list[str]:
    """Every wording of the duplicates and of the rules' suite: most say something, some nothing."""
    lines = (SUITES / "duplicates.txt").read_text().splitlines()
    told = [each.strip() for line in lines if line[:1] not in ("", "#") for each in line.split("|")]
    rules = (SUITES / "rules.txt").read_text().splitlines()
    return told + [line for line in rules if line[:1] not in ("", "#", "=")]


async def measure(folder: Path) -> list[tuple[float, float]]:
    """Wall and CPU milliseconds of each turn."""
    model = ensure_default_model(Settings().cache_dir, print)
    embedder = FastEmbedder.open(MODEL, folder=model, cache_dir=model, threads=1, batch_size=16)
    store = EdgeStore.open(folder, model=embedder.model, dimension=embedder.dimension)
    learner = Learner(store=store, outbox=store, embedder=embedder)
    taken = []
    try:
        for number, text in enumerate(sentences() * REPEATED):
            said = [Message(role="user", content=text, time=now())]
            said.append(
                Message(role="assistant", content=f"Good to know, thank you, {number}.", time=now())
            )
            turn = Turn(
                id=identifier("bench", str(number)),
                scope=ANN,
                conversation=f"c{number // 10}",
                messages=tuple(said),
                created=now(),
            )
            wall, cpu = time.perf_counter(), time.process_time()
            await learner.record(turn)
            await learner.learn(turn.id)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            taken.append((spent[0] * 1000, spent[1] * 1000))
    finally:
        await embedder.aclose()
        store.close()
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(measure(Path(folder)))
    for name, column in (("wall", 0), ("CPU", 1)):
        spent = [each[column] for each in taken]
        print(
            f"{name:4} ms a turn, of {len(spent)}: p50 {percentile(spent, 0.5):.1f}, "
            f"p95 {percentile(spent, 0.95):.1f}"
        )


if __name__ == "__main__":
    main()
