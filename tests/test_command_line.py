"""What a person asks of a running gateway at the command line, and what they are told."""

import json
import os
import re
import subprocess
import sys
from functools import partial

import anyio
import pytest
import typer

from gateway.cli import app
from tests.served import served

pytestmark = pytest.mark.anyio


def ran(url, *arguments, said=""):
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        input=said,
        env=os.environ | {"MEMORY_GATEWAY_URL": url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


async def run(url, *arguments, said=""):
    return await anyio.to_thread.run_sync(partial(ran, url, *arguments, said=said))


async def test_a_person_talks_and_is_remembered():
    async with served() as here:
        first = await run(here.url, "chat", "--user", "ann", said="I live in Lisbon.\n")
        assert first.returncode == 0, first.stderr
        assert "No language model is connected" in first.stdout
        await here.learned()
        second = await run(
            f"{here.url}/v1", "chat", "--user", "ann", "--recalled", said="Where do I live?\n"
        )
        assert "Lisbon" in second.stdout
        assert "I live in Lisbon." in second.stderr
        other = await run(here.url, "chat", "--user", "bob", said="Where do I live?\n")
        assert "Lisbon" not in other.stdout


async def test_a_conversation_goes_on_line_by_line_for_machines_too():
    async with served() as here:
        said = "I live in Lisbon.\nWhere do I live?\n"
        done = await run(here.url, "chat", "--json", "--conversation", "c", said=said)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["conversation"] for line in lines] == ["c", "c"]
        assert all(line["answer"] for line in lines)
        assert lines[0]["recalled"] == []


async def test_memories_are_listed_searched_and_forgotten():
    async with served() as here:
        await run(here.url, "chat", "--user", "ann", said="I live in Lisbon.\n")
        await here.learned()
        listed = await run(here.url, "memories", "list", "--user", "ann")
        assert "I live in Lisbon." in listed.stdout
        found = await run(
            here.url, "memories", "search", "Where do I live?", "--user", "ann", "--json"
        )
        assert "Lisbon" in json.loads(found.stdout)[0]["content"]
        every = await run(here.url, "memories", "list", "--user", "ann", "--json")
        [fact] = [m["id"] for m in json.loads(every.stdout) if m["kind"] == "fact"]
        gone = await run(here.url, "memories", "forget", fact, "--user", "ann")
        assert gone.stdout == "1 deleted\n"
        again = await run(here.url, "memories", "forget", fact, "--user", "ann")
        assert again.returncode == 1
        assert "not there" in again.stderr
        empty = await run(
            here.url, "memories", "search", "Where do I live?", "--user", "ann", "--json"
        )
        assert json.loads(empty.stdout) == []


async def test_a_refusal_is_one_line_and_never_a_traceback():
    async with served(api_keys="acme:the-key-of-acme") as here:
        for arguments in (["chat"], ["memories", "list"], ["memories", "forget", "x"]):
            done = await run(here.url, *arguments, said="Hello.\n")
            assert done.returncode == 2
            assert re.fullmatch(r"memory-gateway: the gateway refused \(401\): .*\n", done.stderr)
        well = await run(here.url, "memories", "list", "--key", "the-key-of-acme", "--json")
        assert json.loads(well.stdout) == []
    absent = await run(here.url, "chat", said="Hello.\n")
    assert absent.returncode == 2
    assert "cannot be reached" in absent.stderr


def commands(group, *path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_every_command_has_an_example_in_its_help():
    lacking = [
        " ".join(path)
        for path, command in commands(typer.main.get_command(app))
        if "Example: " not in (command.help or "")
    ]
    assert lacking == []
