"""All that a team runs, as processes: gateways and workers over one Redis and one Qdrant server."""

import asyncio
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qdrant_client import AsyncQdrantClient

from gateway.adapters.schema import TURNS
from gateway.memory.model import TurnState
from gateway.settings import Settings
from tests import process
from tests.qdrant_process import Qdrant, qdrant
from tests.redis_server import RedisServer, redis_server


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
        """How many turns of these conversations are learned once nothing waits.

        And how many of the conversations have more than one turn, and how many turns of all are
        still not learned after `within` seconds.
        """
        deadline = time.monotonic() + within
        while True:
            states = await self._states()
            left = sum(state != TurnState.LEARNED for of in states.values() for state in of)
            if not left or time.monotonic() > deadline:
                break
            await asyncio.sleep(5)
        done = sum(TurnState.LEARNED in states[conversation] for conversation in told)
        twice = sum(len(states[conversation]) > 1 for conversation in told)
        return done, twice, left

    async def _states(self) -> defaultdict[str, list[str]]:
        """The states of every conversation's turns, as they stand in the server."""
        found, offset = defaultdict[str, list[str]](list), None
        prefix = Settings.model_fields["qdrant_prefix"].default
        client = AsyncQdrantClient(self.front.url, check_compatibility=False, timeout=60)
        while True:
            records, offset = await client.scroll(
                f"{prefix}{TURNS}",
                limit=100,
                offset=offset,
                with_payload=["conversation", "state"],
            )
            for record in records:
                payload = record.payload or {}
                found[payload["conversation"]].append(payload["state"])
            if offset is None:
                await client.close()
                return found


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
