"""Runs scenarios by their names, each way, and lets nothing pass that is not explained."""

from dataclasses import dataclass

from tests.conformance.differences import Differences, compare
from tests.conformance.parties import WAYS, Outcome, Parties, Way
from tests.conformance.scenarios import SCENARIOS

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
KEPT = 2**17  # bytes that one run may come to and still be kept for the next who asks


@dataclass(frozen=True)
class Compared:
    """One scenario, run straight and each way through."""

    direct: Outcome
    through: dict[Way, Outcome]
    found: dict[Way, Differences]


class Comparing:
    """Comparisons with these parties. What was compared before is kept, unless it is large.

    Several tests ask for the same scenarios, each for what it shows of its own promise.
    """

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._known: dict[str, Compared] = {}

    async def compared(self, name: str) -> Compared:
        if name in self._known:
            return self._known[name]
        scenario = BY_NAME[name]
        direct = await self._parties.direct(scenario)
        through = {way: await self._parties.through(scenario, way) for way in WAYS}
        found = {way: compare(scenario, way, direct, through[way]) for way in WAYS}
        compared = Compared(direct, through, found)
        if len(scenario.body) + len(direct.response.body) < KEPT:
            self._known[name] = compared
        return compared

    async def same(self, *names: str) -> dict[str, Compared]:
        """The scenarios of these names, once it is shown that nothing in them is unexplained."""
        shown = {name: await self.compared(name) for name in names}
        for name, compared in shown.items():
            for way, found in compared.found.items():
                assert found.unexplained == [], (name, way)
        return shown


def named(*words: str) -> list[str]:
    """The scenarios in whose names one of these words stands."""
    for word in words:
        assert any(word in name for name in BY_NAME), word
    return [name for name in BY_NAME if any(word in name for word in words)]
