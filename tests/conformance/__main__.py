"""The report of `make conformance`: every scenario, straight and through a gateway.

The gateway is a process of its own over an empty data folder, as its users run it.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from gateway.settings import Settings
from tests import process
from tests.conformance.differences import CHANGES, compare
from tests.conformance.parties import WAYS, Parties, Server, plain_environment
from tests.conformance.scenarios import GROUPS


async def report(parties: Parties) -> int:
    """Print it, and how many differences nothing explains."""
    explained: Counter[str] = Counter()
    number = unexplained = 0
    for group, scenarios in GROUPS.items():
        print(f"\n{group}")
        for scenario in scenarios:
            number += 1
            direct = await parties.direct(scenario)
            seen: set[str] = set()
            for way in WAYS:
                found = compare(scenario, way, direct, await parties.through(scenario, way))
                seen |= found.explained
                unexplained += len(found.unexplained)
                for sentence in found.unexplained:
                    print(f"    UNEXPLAINED, memory {way}: {sentence}")
            explained.update(seen)
            said = direct.response
            ending = "" if said.ending == "complete" else f", {said.ending}"
            shown = f"{said.status or 'none'}, {len(said.body)} bytes{ending}"
            print(f"  {scenario.name:52} {shown:30} {', '.join(sorted(seen))}")
    print("\nwhat differs, and in how many scenarios")
    for name, sentence in CHANGES.items():
        print(f"  {explained[name]:4} {name:16} {sentence}")
    print(
        f"\n{number} scenarios, each straight and three ways through (memory off, new, known):"
        f" {unexplained} unexplained differences"
    )
    return unexplained


async def run(folder: Path) -> int:
    async with Server().running() as server:
        cache = Settings.model_construct().cache_dir
        with process.gateway(
            folder, cache, upstream_base_url=server.url, upstream_idle_timeout="2"
        ) as gateway:
            return await report(Parties(server, gateway.url))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as kept, plain_environment():
        sys.exit(1 if asyncio.run(run(Path(kept))) else 0)
