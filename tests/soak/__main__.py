"""`make soak`: two gateways and two workers under load, with faults, for ten minutes.

Fifty people chat at once. One chat in ten meets a fault of the model's; every twenty seconds a
worker is killed, or Redis is frozen, emptied or started anew. At the end: no answer that nothing
excuses, every turn that a client was told of is learned and none twice, and no gateway has grown.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop

from gateway.adapters.minilm import ensure_default_model
from gateway.settings import Settings
from tests.scripted_upstream import scripted_upstream
from tests.soak.chats import Chats, Model
from tests.soak.town import Town, town

PEOPLE = 50
FAULTS = 0.1  # of the chats
EVERY = 20.0  # seconds between two faults of the parts
LEARNED_WITHIN = 120.0  # seconds after the last chat
GROWTH = 48 * 2**20  # bytes that a process may have grown by, from its first third to its last


@dataclass
class Watch:
    """Memory and descriptors of each process that lives through it, sampled now and then."""

    memory: dict[str, list[int]] = field(default_factory=dict)
    files: dict[str, list[int]] = field(default_factory=dict)

    def look(self, town: Town) -> None:
        for name, process in town.gateways.items():
            running = psutil.Process(process.child.pid)
            self.memory.setdefault(name, []).append(running.memory_info().rss)
            self.files.setdefault(name, []).append(running.num_fds())

    def grown(self) -> list[str]:
        told = []
        for name, samples in self.memory.items():
            first, last = _thirds(samples)
            files = _thirds(self.files[name])
            print(
                f"{name}: memory {first / 2**20:.0f} -> {last / 2**20:.0f} MiB,"
                f" descriptors {files[0]:.0f} -> {files[1]:.0f}"
            )
            if last - first > GROWTH:
                told.append(f"{name} grew by {(last - first) / 2**20:.0f} MiB")
            if files[1] - files[0] > PEOPLE:
                told.append(f"{name} holds {files[1] - files[0]:.0f} descriptors more")
        return told


def _thirds(samples: list[int]) -> tuple[float, float]:
    third = max(1, len(samples) // 3)
    return statistics.median(samples[third : 2 * third] or samples), statistics.median(
        samples[-third:]
    )


async def trouble(town: Town, until: float, chance: random.Random, happened: Counter[str]) -> None:
    """One fault of a part after the other; each is mended before the next."""
    while time.monotonic() + EVERY < until:
        await asyncio.sleep(EVERY)
        match chance.choice(("worker killed", "Redis frozen", "Redis emptied", "Redis restarted")):
            case "worker killed" as fault:
                await asyncio.to_thread(town.replace_a_worker, chance)
            case "Redis frozen" as fault:
                town.redis.freeze()
                await asyncio.sleep(5)
                town.redis.thaw()
            case "Redis emptied" as fault:
                await asyncio.to_thread(town.redis.empty)
            case fault:
                await asyncio.to_thread(town.redis.restart)
        happened[fault] += 1
        print(f"  {fault}", flush=True)


async def main(seconds: float, seed: int) -> int:
    cache = ensure_default_model(Settings().cache_dir, print).parent.parent
    chance, happened, watch = random.Random(seed), Counter[str](), Watch()
    with tempfile.TemporaryDirectory() as folder:
        async with scripted_upstream(Model()) as upstream:
            async with town(Path(folder), cache, upstream.url, upstream_idle_timeout="5") as there:
                chats = Chats([g.url for g in there.gateways.values()], FAULTS, chance)
                until = time.monotonic() + seconds
                begun = time.monotonic()
                print(f"{PEOPLE} people for {seconds:g} s", flush=True)
                people = [
                    asyncio.create_task(chats.person(number, until)) for number in range(PEOPLE)
                ]
                troubles = asyncio.create_task(trouble(there, until, chance, happened))
                while not all(person.done() for person in people):
                    watch.look(there)
                    await asyncio.wait(people, timeout=5)
                await troubles
                print(f"chats ended after {time.monotonic() - begun:.0f} s", flush=True)
                learned, twice, left = await there.learned(chats.told, LEARNED_WITHIN)
    told = len(chats.told)
    print(
        f"\nfaults of the parts: {dict(happened)}\nendings: {dict(chats.endings)}\n"
        f"turns told {told}, learned {learned}, twice {twice}, still pending {left}"
    )
    wrong = [*chats.wrong, *watch.grown()]
    if (learned, twice) != (told, 0):
        wrong.append("turns were lost or doubled")
    for sentence in wrong[:20]:
        print(f"NOT AS IT SHOULD BE: {sentence}")
    return len(wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(bool(uvloop.run(main(given.seconds, given.seed))))
