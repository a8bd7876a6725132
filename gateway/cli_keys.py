"""The command line: `memory-gateway keys`."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from gateway import logs
from gateway.cli_output import NOT_FOUND, AsJson, fail, one_line, out, print_json, say
from gateway.settings import load_settings

keys = typer.Typer(
    help="Who may call: keys, each of a project, with what it opens and how much of it.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@keys.command()
def create(
    project: Annotated[str, typer.Argument(help="Whose memories it opens.")],
    *,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="chat, memory:read, memory:write, metrics, admin; the first three."),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days for which it is good.")] = None,
    requests_per_minute: Annotated[int, typer.Option(help="0: the setting's.")] = 0,
    in_flight: Annotated[int, typer.Option(help="Requests at once; 0: the setting's.")] = 0,
    tokens_per_minute: Annotated[int, typer.Option(help="0: the setting's.")] = 0,
    tokens_per_day: Annotated[int, typer.Option(help="0: the setting's.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a key, and show it this once.

    Example: memory-gateway keys create team-a --name "Open WebUI" --days 90

    Example: memory-gateway keys create team-a --scope memory:read --requests-per-minute 60

    Example: memory-gateway keys create monitoring --scope metrics --json
    """
    given: dict[str, object] = {
        "project": project,
        "name": name,
        "expires_in_days": days,
        "requests_per_minute": requests_per_minute,
        "in_flight": in_flight,
        "tokens_per_minute": tokens_per_minute,
        "tokens_per_day": tokens_per_day,
    }
    if scope:
        given["scopes"] = scope
    _show_new(_done("CREATE", given), as_json)


@keys.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys that were made, latest first; what is sent stands nowhere.

    Example: memory-gateway keys list

    Example: memory-gateway keys list --json
    """
    found = _done("LIST", {})
    if as_json:
        print_json(found)
        return
    table = Table("id", "project", "name", "scopes", "status", "made", "ends", box=None)
    for key in found["keys"]:
        ends = key["revoked"] or key["expires"]
        table.add_row(
            *(key["id"], key["project"], key["name"], " ".join(key["scopes"]), key["status"]),
            *(_day(key["created"]), _day(ends) if ends else "-"),
        )
    out.print(table)


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id: the key up to the second hyphen.")],
    as_json: AsJson = False,
) -> None:
    """End a key. Every gateway refuses it within three seconds.

    Example: memory-gateway keys revoke mgw-k7r2m5xq
    """
    found = _done("REVOKE", {"id": key})
    if as_json:
        print_json(found)
    else:
        out.print(f"{found['id']} of {found['project']} is {found['status']}", markup=False)


@keys.command()
def rotate(
    key: Annotated[str, typer.Argument(help="Its id: the key up to the second hyphen.")],
    grace_hours: Annotated[float, typer.Option(help="Hours that the old one still works.")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make a key that is as another one, which goes on for a while, and show it this once.

    Example: memory-gateway keys rotate mgw-k7r2m5xq --grace-hours 2
    """
    _show_new(_done("ROTATE", {"id": key, "grace_hours": grace_hours}), as_json)


def _done(call: str, given: dict[str, object]) -> dict[str, Any]:
    """What comes of one of `keychain`'s calls; a reason why not is one line and an exit code."""
    with one_line():
        settings = load_settings()
        logs.configure("error")
        from gateway import keychain  # noqa: PLC0415  half a second that --help need not wait for

        try:
            return asyncio.run(keychain.done(getattr(keychain, call), settings, say, **given))
        except keychain.NoSuchKeyError as error:
            fail(error, NOT_FOUND)


def _show_new(key: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(key)
        return
    ends = f", until {_day(key['expires'])}" if key["expires"] else ""
    say(f"a key of {key['project']} for {', '.join(key['scopes'])}{ends}; it is not shown again:")
    sys.stdout.write(key["key"] + "\n")


def _day(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d")
