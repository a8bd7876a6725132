"""A plugin of pytest: the table of bad inputs and threats, once their tests have run.

A test tells how many cases it tried by `record_property("cases", n)`, and how many milliseconds
answers to bad input took by `record_property("ms", [...])`.
"""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from tests.security.rows import ROWS

MEDIAN_MS = 50.0  # the most that half of the answers to bad input may take
CASES = 400  # at the least, of bad inputs


@dataclass
class Tally:
    """What the tests of one row came to."""

    cases: int = 0
    passed: int = 0
    failed: list[str] = field(default_factory=list)


class Report:
    """Counts the cases of each row and prints them at the end."""

    def __init__(self) -> None:
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.ms: list[float] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        rows = {mark.args[0] for mark in item.iter_markers("security")}
        told = dict(report.user_properties)
        for row in rows:
            tally, cases = self.tallies[row], told.get("cases", 1)
            if report.failed:
                tally.cases += cases
                tally.failed.append(item.nodeid)
            elif report.when == "call" and report.passed:
                tally.cases += cases
                tally.passed += cases
        if report.when == "teardown" and rows:  # told when the gateway has ended
            self.ms += told.get("ms", [])
        return report

    def pytest_terminal_summary(self, terminalreporter) -> None:
        write = terminalreporter.write_line
        write("")
        write(f"{'row':4} {'cases':>6} {'passed':>6}  what")
        for name, row in ROWS.items():
            tally = self.tallies[name]
            verdict = self._verdict(name)
            write(f"{name:4} {tally.cases:6} {tally.passed:6}  {row.what}{verdict}")
        inputs = sum(tally.passed for name, tally in self.tallies.items() if name[0] == "B")
        threats = sum(tally.passed for name, tally in self.tallies.items() if name[0] == "S")
        write(
            f"{inputs} bad inputs, {threats} tries at threats; median answer {self.median:.1f} ms"
        )
        for line in self.wrong():
            write(f"WRONG: {line}")

    @property
    def median(self) -> float:
        return statistics.median(self.ms) if self.ms else 0.0

    def wrong(self) -> list[str]:
        """What is not as it should be, a line each."""
        told = [f"{name}{verdict}" for name in ROWS if (verdict := self._verdict(name))]
        inputs = sum(tally.passed for name, tally in self.tallies.items() if name[0] == "B")
        if inputs < CASES:
            told.append(f"{CASES} bad inputs wanted, {inputs} passed")
        if self.median > MEDIAN_MS:
            told.append(f"the median answer took {self.median:.1f} ms")
        return told

    def _verdict(self, name: str) -> str:
        row, tally = ROWS[name], self.tallies[name]
        if tally.failed:
            return f"   FAILED: {', '.join(tally.failed)}"
        if tally.passed < row.cases:
            return f"   {row.cases} CASES WANTED"
        return ""
