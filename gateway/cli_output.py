"""How commands speak: to people in lines, to machines in JSON, and to scripts by exit codes."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

from gateway.errors import StartupError

NOT_FOUND: Final = 1  # exit code when something that was named is not there
IN_THE_WAY: Final = 2  # exit code when settings, files, the store or a gateway stand in the way

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """A line for people, on standard error: what is printed may be read by a machine."""
    err.print(line, markup=False, soft_wrap=True)


def print_json(document: dict[str, Any] | list[Any]) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(document) + "\n")


def fail(reason: object, code: int = IN_THE_WAY) -> NoReturn:
    """End the command with its reason in one line, not with a traceback."""
    say(f"memory-gateway: {reason}")
    raise typer.Exit(code) from None


@contextmanager
def one_line() -> Iterator[None]:
    """Within it, a reason not to start ends the command."""
    try:
        yield
    except StartupError as error:
        fail(error)
