"""The command line: what is asked of a gateway that is running, here or elsewhere."""

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gateway.cli_output import NOT_FOUND, AsJson, err, fail, out, print_json, say
from gateway.errors import StartupError
from gateway.settings import load_settings

_IMPORTED: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)

User = Annotated[str, typer.Option(help="Whose memory.")]
Url = Annotated[str, typer.Option(envvar="MEMORY_GATEWAY_URL", help="The gateway that is running.")]
Key = Annotated[str, typer.Option(envvar="MEMORY_GATEWAY_KEY", help="A key for it.")]
HERE: Final = "http://127.0.0.1:8080"

memories = typer.Typer(
    help="What a running gateway remembers of a user.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@contextmanager
def _remote(url: str, key: str, user: str) -> Iterator[Any]:
    """The gateway; what it refuses is one line on standard error, not a traceback."""
    from gateway.adapters.remote_gateway import (  # noqa: PLC0415  httpx, which --help can do without
        RemoteGateway,
        RemoteGatewayError,
    )

    try:
        with RemoteGateway(url, key=key, user=user) as gateway:
            yield gateway
    except RemoteGatewayError as error:
        fail(error)


def chat(
    user: User = "default",
    conversation: Annotated[str, typer.Option(help="The one to go on with; a new one else.")] = "",
    model: Annotated[str, typer.Option(help="Which of the gateway's models answers.")] = "default",
    url: Url = HERE,
    *,
    key: Key = "",
    recalled: Annotated[bool, typer.Option("--recalled", help="Show what was recalled.")] = False,
    as_json: AsJson = False,
) -> None:
    """Talk: a line is a message; an empty one, or Ctrl-D, is the end.

    Example: echo "Where do I live?" | memory-gateway chat --user ann --recalled
    """
    conversation = conversation or uuid.uuid4().hex
    said: list[dict[str, str]] = []
    with _remote(url, key, user) as gateway:
        while line := _line():
            said.append({"role": "user", "content": line})
            whole = ""
            with gateway.chat(said, conversation=conversation, model=model) as answer:
                found = gateway.memories(answer.recalled) if recalled or as_json else []
                if not as_json:
                    for memory in found:
                        err.print(f"  [dim]{escape(memory['content'])}[/dim]", soft_wrap=True)
                for piece in answer:
                    whole += piece
                    if not as_json:
                        sys.stdout.write(piece)
                        sys.stdout.flush()
            said.append({"role": "assistant", "content": whole})
            if as_json:
                told = {"conversation": conversation, "answer": whole}
                print_json(told | {"recalled": found})
            else:
                sys.stdout.write("\n")


def _line() -> str:
    if sys.stdin.isatty():
        sys.stdout.write("> ")
        sys.stdout.flush()
    return sys.stdin.readline().strip()


@memories.command("list")
def list_(
    user: User = "default",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    url: Url = HERE,
    *,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List what is remembered, latest said first.

    Example: memory-gateway memories list --user ann
    """
    with _remote(url, key, user) as gateway:
        found = gateway.ask("GET", "/v1/memories", params={"limit": limit, "page": page})
    _show(found, as_json=as_json)
    if not as_json and found["has_more"]:
        out.print(f"{found['total']} in all; more with --page {page + 1}")


@memories.command()
def search(
    query: Annotated[str, typer.Argument(help="What is asked about.")],
    user: User = "default",
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many.")] = 10,
    url: Url = HERE,
    *,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Search what is remembered: what bears on a question, most relevant first.

    Example: memory-gateway memories search "Where do I live?" --user ann
    """
    with _remote(url, key, user) as gateway:
        asked = {"query": query, "limit": limit}
        found = gateway.ask("POST", "/v1/memories/search", json=asked)
    _show(found, as_json=as_json)


@memories.command()
def forget(
    ids: Annotated[list[str], typer.Argument(help="The ids of memories, as `list` shows them.")],
    user: User = "default",
    url: Url = HERE,
    *,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Delete memories for good; `memory-gateway forget` is for everything of a user.

    Example: memory-gateway memories forget 3df7969f-75fd-51f6-9395-c568275da519 --user ann
    """
    with _remote(url, key, user) as gateway:
        gone = [each for each in ids if gateway.delete(f"/v1/memories/{each}")]
    if as_json:
        print_json({"deleted": gone})
    else:
        out.print(f"{len(gone)} deleted")
    if unknown := sorted({*ids} - {*gone}):
        say(f"not there: {', '.join(unknown)}")
        raise typer.Exit(NOT_FOUND)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found["data"])
        return
    table = Table("id", "kind", "said", "memory", box=None, pad_edge=False)
    for memory in found["data"]:
        day = datetime.fromtimestamp(memory["said_at"] / 1000, UTC).date().isoformat()
        table.add_row(memory["id"], memory["kind"], day, Text(memory["content"]))
    out.print(table)


def import_(
    file: Annotated[Path, typer.Argument(help="ChatGPT's zip, a .json or a .jsonl file.")],
    user: User = "default",
    url: Url = HERE,
    *,
    key: Key = "",
    again: Annotated[bool, typer.Option("--again", help="Send what was sent before too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remember conversations held elsewhere: exports of ChatGPT and Open WebUI, or JSON Lines.

    May be interrupted and run again; the same file twice adds nothing.

    Example: memory-gateway import chatgpt-export.zip --user ann
    """
    from gateway.imports.conversation import ExportError  # noqa: PLC0415  as above
    from gateway.imports.exports import conversations  # noqa: PLC0415  as above
    from gateway.imports.importing import Taken, hand_over  # noqa: PLC0415  as above

    try:
        cache = load_settings().cache_dir
        held = conversations(file)
    except (StartupError, ExportError) as error:
        fail(error)
    whose = sha256(f"{url}\x1f{key}\x1f{user}".encode()).hexdigest()
    taken = cache / "imports" / whose
    if again:
        taken.unlink(missing_ok=True)
    with (
        Progress(*_IMPORTED, console=err, disable=as_json) as progress,
        _remote(url, key, user) as gateway,
    ):
        task = progress.add_task("conversations", total=len(held))
        outcome = hand_over(held, gateway, Taken(taken), told=lambda: progress.advance(task))
    if as_json:
        print_json(asdict(outcome))
    else:
        before = f", {outcome.known} it had already" if outcome.known else ""
        out.print(
            f"{outcome.added} conversations with {outcome.exchanges} exchanges added{before};"
            " they are being learned"
        )
