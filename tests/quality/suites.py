"""The suites of `make quality`: each asks a started gateway from outside, and gives figures.

A figure is a number; which of them are held to what was recorded, recorded.json says. Of those in
LESS_IS_BETTER a smaller one is better.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from tests.quality import relevance

Figures: TypeAlias = dict[str, float]

TOLD: Final = "told"
LESS_IS_BETTER: Final = frozenset(
    {"words@10", "preferences from small talk", "off topic, with any"}
)


class MissingDataError(Exception):
    """What a suite reads is not there."""


def _retrieval(task: str, data: str) -> Callable[[str, Path], Figures]:
    """A task of the evaluation script that lies, with its data, outside the repository."""

    def run(url: str, shared: Path) -> Figures:
        script, file = shared / "eval" / "retrieval.py", shared / "data" / data
        for needed in (script, file):
            if not needed.is_file():
                raise MissingDataError(
                    f"{needed} is not there: set SHARED to the folder that has it"
                )
        done = subprocess.run(
            [sys.executable, script, task, "--data", file, "--url", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        return {name: value for name, value in figures.items() if isinstance(value, int | float)}

    return run


def _told(url: str, _shared: Path) -> Figures:
    return relevance.measure(url)


SUITES: Final[Mapping[str, Callable[[str, Path], Figures]]] = {
    "locomo": _retrieval("locomo", "locomo_dev.json"),
    "prefeval": _retrieval("prefeval", "prefeval_dev.json"),
    TOLD: _told,
}
