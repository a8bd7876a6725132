"""The findings as one screen."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from gateway.doctor.finding import Finding, State

_MARKS = {
    State.OK: Text("ok", "green"),
    State.NOTE: Text("note", "yellow"),
    State.WRONG: Text("wrong", "bold red"),
}


def table(findings: Sequence[Finding]) -> Table:
    """A row for each; what to do stands below what was found."""
    screen = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    screen.add_column(no_wrap=True)
    screen.add_column(no_wrap=True)
    screen.add_column(overflow="fold")
    for finding in findings:
        said = Text(finding.says)  # not markup: what is found may hold brackets
        if finding.mend:
            said.append(f"\n-> {finding.mend}", "dim" if finding.state is State.OK else "")
        screen.add_row(_MARKS[finding.state], finding.part, said)
    return screen
