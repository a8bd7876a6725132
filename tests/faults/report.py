"""A plugin of pytest: the table of faults, once their tests have run.

A test tells of turns by `record_property("turns", (acknowledged, learned, duplicates))`.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from tests.faults.rows import ROWS


@dataclass
class Tally:
    """What the tests of one row came to."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    turns: list[tuple[int, int, int]] = field(default_factory=list)


class Report:
    """Counts the cases of each row and prints them at the end."""

    def __init__(self) -> None:
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        marks = [mark.args[0] for mark in item.iter_markers("fault")]
        for row in marks:
            tally = self.tallies[row]
            if report.failed:
                tally.failed.append(item.nodeid)
            elif report.when == "call" and report.passed:
                tally.passed += 1
                tally.turns += [value for name, value in report.user_properties if name == "turns"]
        return report

    def pytest_terminal_summary(self, terminalreporter) -> None:
        write = terminalreporter.write_line
        write("")
        write(f"{'row':4} {'cases':>5} {'told':>6} {'learned':>7} {'twice':>5}  fault")
        for name, row in ROWS.items():
            tally = self.tallies[name]
            told = [str(sum(turn[i] for turn in tally.turns)) for i in range(3)]
            counts = told if tally.turns else ["-"] * 3
            write(
                f"{name:4} {tally.passed:5} {counts[0]:>6} {counts[1]:>7} {counts[2]:>5}"
                f"  {row.fault}{self._verdict(name)}"
            )
        cases = sum(tally.passed for tally in self.tallies.values())
        write(f"{cases} cases of {len(ROWS)} rows; {len(self.wrong())} rows not as they should be")

    def wrong(self) -> list[str]:
        """Rows that failed, lack cases, or lost or doubled a turn."""
        return [name for name in ROWS if self._verdict(name)]

    def _verdict(self, name: str) -> str:
        row, tally = ROWS[name], self.tallies[name]
        if tally.failed:
            return f"   FAILED: {', '.join(tally.failed)}"
        if tally.passed < row.cases and not row.fewer:
            return f"   {row.cases} CASES WANTED"
        if any(told != learned or twice for told, learned, twice in tally.turns):
            return "   TURNS LOST OR DOUBLED"
        return ""
