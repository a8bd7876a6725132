"""Measures what a started gateway recalls and compares it with what was recorded.

    python -m tests.quality [--shared ../shared] [--only told] [--write FILE] [--record]

One table, the same as JSON in the file, and exit status 1 when a figure that recorded.json holds is
more than a point worse. With `--record` those figures become what was measured. A suite whose data
is not there is said so and counts as failed; `--only` chooses suites.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.settings import Settings
from tests.process import gateway
from tests.quality.suites import LESS_IS_BETTER, SUITES, Figures, MissingDataError

RECORDED: Final = Path(__file__).with_name("recorded.json")
TOLERANCE: Final = 1.0


def worse(
    measured: Mapping[str, Figures], recorded: Mapping[str, Figures], tolerance: float = TOLERANCE
) -> list[str]:
    """What of these suites is more than `tolerance` worse than recorded, or was not measured."""
    found = []
    for suite, figures in measured.items():
        for name, before in recorded.get(suite, {}).items():
            now = figures.get(name)
            if now is None:
                found.append(f"{suite}: {name} was not measured")
                continue
            loss = now - before if name in LESS_IS_BETTER else before - now
            if round(loss, 3) > tolerance:
                found.append(f"{suite}: {name} is {now}, recorded is {before}")
    return found


def table(measured: Mapping[str, Figures], recorded: Mapping[str, Figures]) -> str:
    """A line for each figure, beside what was recorded."""
    lines = [f"{'suite':<10}{'figure':<32}{'now':>9}{'recorded':>10}"]
    for suite, figures in measured.items():
        for name, value in figures.items():
            before = recorded.get(suite, {}).get(name)
            lines.append(f"{suite:<10}{name:<32}{value:>9}{'' if before is None else before:>10}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make quality")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--only", choices=SUITES, action="append")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    recorded: dict[str, Figures] = json.loads(RECORDED.read_text())
    measured: dict[str, Figures] = {}
    missing = []
    with tempfile.TemporaryDirectory() as folder:
        with gateway(Path(folder), Settings().cache_dir) as started:
            for name in options.only or SUITES:
                try:
                    measured[name] = SUITES[name](started.url, options.shared)
                except MissingDataError as error:
                    missing.append(f"{name}: {error}")
    print(table(measured, recorded))
    if options.write:
        options.write.write_text(json.dumps(measured, indent=2) + "\n")
    if options.record:
        held = {
            suite: {name: measured[suite][name] for name in figures}
            for suite, figures in recorded.items()
            if suite in measured
        }
        RECORDED.write_text(json.dumps(recorded | held, indent=2) + "\n")
        return 0
    failures = missing + worse(measured, recorded)
    for line in failures:
        print(line, file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
