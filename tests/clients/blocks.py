"""Code blocks of the documentation, and what runs each as it stands: a client's own environment."""

import asyncio
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.clients.running import ALL, HERE, MEMOS, SECONDS, Client, environment

# Its package has to be loaded without its server's; tests/clients/memos_python.py says how.
_LOAD_MEMOS = "import sys, tests.clients.memos_python; exec(sys.stdin.read(), {})"


@dataclass(frozen=True)
class Block:
    """A fenced block, by the latest headings of the second and of the third order before it."""

    part: str
    heading: str
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """All of them, as they come."""
    tokens = MarkdownIt().parse(page.read_text())
    part = heading = ""
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and after is not None:
            if token.tag == "h2":
                part, heading = after.content, ""
            else:
                heading = after.content
        elif token.type == "fence":
            yield Block(part, heading, token.info, token.content)


def agrees(shown: str, printed: str) -> bool:
    """Whether the output ends in what is shown of it, where `...` stands for anything."""
    pattern = re.escape(shown.strip()).replace(re.escape("..."), ".*")
    return re.fullmatch(f".*{pattern}\\s*", printed.replace("\r\n", "\n"), re.DOTALL) is not None


def commands(session: str) -> list[str]:
    """What was typed at the prompts of a shell's session, which shows nothing else."""
    return [typed.strip() for typed in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]]


async def run(program: str, client: str = "", folder: Path = HERE) -> str:
    """What a program printed, which the client's language gets as its input; without one a shell.

    The shell is in `folder`, and in it curl fails where it is refused something. Raises
    AssertionError when the program ends with anything but 0, TimeoutError when it does not end.
    """
    command, place, variables = _start(client, folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        env=variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            printed, complaints = await process.communicate(program.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


def _start(client: str, folder: Path) -> tuple[tuple[str, ...], Path, dict[str, str]]:
    """A command, its folder, its environment."""
    if not client:
        if not (shutil.which("bash") and shutil.which("curl")):
            pytest.skip("curl is not installed")
        home = {"CURL_HOME": str(HERE)}  # where its .curlrc is
        return ("bash", "-euo", "pipefail"), folder, environment(Client((), None)) | home
    its = ALL[client]
    if its.on_node:  # which looks for packages from the folder that it is started in
        return ("node", "--input-type=module"), HERE / "node", environment(its)
    alone = ("-S",) if its.packages else ()
    program = ("-c", _LOAD_MEMOS) if client == MEMOS else ("-",)
    return (sys.executable, *alone, *program), HERE.parent.parent, environment(its)
