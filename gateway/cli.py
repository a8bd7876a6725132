"""The command line: `memory-gateway serve` and what keeps a data folder in shape."""

import asyncio
import re
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from gateway import __version__, logs
from gateway.cli_keys import keys
from gateway.cli_output import NOT_FOUND, AsJson, one_line, out, print_json, say
from gateway.cli_remote import chat, import_, memories
from gateway.settings import Settings, load_settings

SOMETHING_WRONG = 1  # exit code when the doctor found it

app = typer.Typer(
    name="memory-gateway",
    help="Point any OpenAI client at it and the application has a long-term memory.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold keys and messages
)
jobs = typer.Typer(help="What waits to be learned, and what was given up.")
app.add_typer(jobs, name="jobs")
app.add_typer(keys, name="keys")
app.add_typer(memories, name="memories")
app.command(name="chat")(chat)
app.command(name="import")(import_)


@app.command()
def serve() -> None:
    """Serve the gateway in one process, with its memory in a data folder.

    Example: GATEWAY_UPSTREAM_BASE_URL=https://api.openai.com/v1 memory-gateway serve
    """
    with one_line():
        settings = load_settings()
        logs.configure(settings.log_level)
        from gateway import main  # noqa: PLC0415  half a second that --help need not wait for

        main.run(settings, say, lambda port: _banner(settings, port))


@app.command()
def worker() -> None:
    """Learn what gateways record; as many workers as it takes, over their Redis and Qdrant server.

    Example: GATEWAY_REDIS_URL=redis://... GATEWAY_QDRANT_URL=http://... memory-gateway worker
    """
    with one_line():
        settings = load_settings()
        logs.configure(settings.log_level)
        from gateway import worker as working  # noqa: PLC0415  as above

        working.run(settings, say, lambda: say("memory-gateway: working"))


@jobs.callback(invoke_without_command=True)
def standing(context: typer.Context) -> None:
    """Tell how many turns wait to be learned, and which were given up, and why.

    In the embedded mode, while nothing is served from the data folder. Example: memory-gateway jobs
    """
    if context.invoked_subcommand is not None:
        return
    with one_line():
        settings = load_settings()
        logs.configure("error")
        from gateway import jobs as ledger  # noqa: PLC0415  as above

        told = asyncio.run(ledger.standing(settings, say))
    oldest = told.backlog.oldest
    since = "" if oldest is None else f", the oldest for {ledger.age(oldest)}"
    out.print(f"pending  {told.backlog.pending}{since}\nparked   {told.backlog.parked}")
    if told.parked:
        table = Table("turn", "tries", "age", "reason", box=None, pad_edge=False)
        for turn in told.parked:
            table.add_row(turn.id, str(turn.attempts), ledger.age(turn.created), Text(turn.error))
        out.print()
        out.print(table)
    if more := told.backlog.parked - len(told.parked):
        out.print(f"and {more} more")


@jobs.command()
def retry(
    turns: Annotated[list[str] | None, typer.Argument(help="Their ids; none for all.")] = None,
) -> None:
    """Have turns that were given up learned after all: all of them, or those that are named.

    Example: memory-gateway jobs retry
    """
    with one_line():
        settings = load_settings()
        logs.configure("error")
        from gateway import jobs as ledger  # noqa: PLC0415  as above

        again = asyncio.run(ledger.retry(settings, say, turns or ()))
    out.print(f"{len(again)} to be learned")
    if unknown := sorted({*(turns or ())} - {*again}):
        say(f"not parked: {', '.join(unknown)}")
        raise typer.Exit(NOT_FOUND)


@app.command()
def compact() -> None:
    """Give back the space of what was deleted, while nothing is served from the data folder.

    Example: memory-gateway compact
    """
    with one_line():
        settings = load_settings()
        logs.configure(settings.log_level)
        from gateway import main  # noqa: PLC0415  as above

        main.compact(settings, say)


@app.command()
def doctor(
    as_json: AsJson = False,
    patience: Annotated[float, typer.Option(min=0.1, help="Seconds for each check.")] = 2.0,
) -> None:
    """Say of each part whether it works, and how to mend it; exit code 1 if one does not.

    Example: memory-gateway doctor
    """
    logs.configure("error")
    from gateway.doctor.examination import all_well, examine  # noqa: PLC0415  as above
    from gateway.doctor.screen import table  # noqa: PLC0415  as above

    findings = asyncio.run(examine(patience))
    well = all_well(findings)
    if as_json:
        told = {"ok": well, "parts": [asdict(finding) for finding in findings]}
        print_json(told)
    else:
        out.print(table(findings))
    raise typer.Exit(0 if well else SOMETHING_WRONG)


@app.command()
def export(
    user: Annotated[str, typer.Option(help="Whose memory it is.")],
    project: Annotated[str, typer.Option(help="The project that the user is in.")] = "default",
) -> None:
    """Write all that is held about a user to standard output, as JSON Lines.

    In the embedded mode, while nothing is served from the data folder.

    Example: memory-gateway export --user ann > ann.jsonl
    """
    with one_line():
        settings = load_settings()
        logs.configure("error")
        from gateway import leaving  # noqa: PLC0415  as above
        from gateway.memory.model import Scope  # noqa: PLC0415  as above

        async def write() -> None:
            async for line in leaving.export(settings, say, Scope(project, user)):
                sys.stdout.buffer.write(line)

        asyncio.run(write())


@app.command()
def forget(
    user: Annotated[str, typer.Option(help="Whose memory it is.")],
    project: Annotated[str, typer.Option(help="The project that the user is in.")] = "default",
) -> None:
    """Erase everything of a user for good, and write the receipt.

    In the embedded mode, while nothing is served from the data folder.

    Example: memory-gateway forget --user ann
    """
    with one_line():
        settings = load_settings()
        logs.configure("error")
        from gateway import leaving  # noqa: PLC0415  as above
        from gateway.memory.model import Scope  # noqa: PLC0415  as above

        receipt = asyncio.run(leaving.forget(settings, say, Scope(project, user)))
    print_json(asdict(receipt))
    if not receipt.total:
        say("nothing was held about this user")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _banner(settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    upstreams = [settings.upstream_base_url] if settings.upstream_base_url else []
    upstreams += [f"{server.base_url} ({server.name})" for server in settings.upstreams]
    answers = re.sub(r"//[^/@]*@", "//", "\n           ".join(upstreams)) or (
        "the offline model, which only repeats what it remembers;\n"
        "           a real one needs GATEWAY_UPSTREAM_BASE_URL\n"
        "           and GATEWAY_UPSTREAM_API_KEY"
    )
    key = "" if not settings.written_keys() else " -H 'authorization: Bearer YOUR_KEY'"
    kept = re.sub(r"//[^/@]*@", "//", settings.qdrant_url) or settings.data_dir.resolve()
    out.print(
        f"""Memory Gateway {__version__}

base URL   {url}/v1
answers    {answers}
data       {kept}

Tell it something, then ask:

curl -sN {url}/v1/chat/completions{key} -H 'content-type: application/json' -d '
  {{"model": "gpt-4o-mini", "stream": true,
   "messages": [{{"role": "user", "content": "I live in Lisbon."}}]}}'
""",
        markup=False,
        soft_wrap=True,
    )
    sys.stdout.flush()
