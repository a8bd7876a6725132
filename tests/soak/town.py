"""All that a team runs, as processes: gateways and workers over one Redis and one Qdrant server."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.adapters.minilm import MODEL
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_calls import CallTimeouts
from gateway.adapters.qdrant_collections import Layout
from gateway.memory.model import Scope, TurnState
from gateway.metrics import Metrics
from gateway.settings import Settings
from tests import process
from tests.qdrant_process import Qdrant, qdrant
from tests.redis_server import RedisServer, redis_server

DIMENSION = 384


@dataclass
class Town:
    """`settings` are those that gateways and workers share, as their environment."""

    folder: Path
    redis: RedisServer
    front: Qdrant
    settings: Mapping[str, str]
    gateways: dict[str, process.Process] = field(default_factory=dict)
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def hire(self, name: str) -> None:
        """Start a worker; what it writes goes to a file of its name."""
        given = {**self.settings, "data_dir": str(self.folder / name)}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(
                [sys.executable, "-m", "gateway", "worker"],
                env=process.environment(given),
                stdout=log,
                stderr=log,
            )

    def replace_a_worker(self, chance: random.Random) -> None:
        """One is killed in the middle of whatever it does, and another takes its place."""
        name = chance.choice(sorted(self.workers))
        self.workers[name].kill()
        self.workers[name].wait(30)
        self.hire(name)

    async def learned(self, told: Mapping[str, str], within: float) -> tuple[int, int, int]:
        """How many turns of these conversations are learned once nothing waits, by user.

        And how many of the conversations have more than one turn, and how many turns of all still
        wait or were given up after `within` seconds.
        """
        store = QdrantStore(
            server_client(self.front.url, ""),
            Layout(prefix=Settings.model_fields["qdrant_prefix"].default),
            model=MODEL,
            dimension=DIMENSION,
            metrics=Metrics(),
            timeouts=CallTimeouts(read=60, write=60),
        )
        await store.start()
        try:
            deadline = time.monotonic() + within
            backlog = await store.backlog()
            while backlog.pending and time.monotonic() < deadline:
                await asyncio.sleep(1)  # no event tells of it: the workers are other processes
                backlog = await store.backlog()
            found = [
                await store.get_turns(Scope("default", user), conversation, 5)
                for conversation, user in told.items()
            ]
        finally:
            await store.aclose()
        done = sum(any(t.state is TurnState.LEARNED for t in turns) for turns in found)
        twice = sum(len(turns) > 1 for turns in found)
        return done, twice, backlog.pending + backlog.parked


@asynccontextmanager
async def town(
    folder: Path, cache: Path, upstream: str, *, gateways: int = 2, workers: int = 2, **more: str
) -> AsyncIterator[Town]:
    """A town that is ready, and gone at the end."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        front = stack.enter_context(qdrant())
        settings = {
            "cache_dir": str(cache),
            "redis_url": redis.url,
            "qdrant_url": front.url,
            "log_level": "warning",
            **more,
        }
        there = Town(folder, redis, front, settings)
        for number in range(workers):
            there.hire(f"worker-{number}")
        try:
            for number in range(gateways):
                name = f"gateway-{number}"
                started = process.start(
                    folder / name, cache, upstream_base_url=upstream, **settings
                )
                there.gateways[name] = started
                await asyncio.to_thread(started.wait_until_ready)
            yield there
        finally:
            for gateway in there.gateways.values():
                gateway.kill()
            for worker in there.workers.values():
                worker.kill()
                worker.wait(30)
