"""Code blocks of the documentation, and what runs each as it stands: a client's own environment."""

import asyncio
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


async def run(program: str, client: str = "") -> str:
    """What a program printed, which the client's language gets as its input; without one a shell.

    Raises AssertionError when it ends with anything but 0, TimeoutError when it does not end.
    """
    command, folder, variables = _start(client)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            printed, complaints = await process.communicate(program.encode())
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


def _start(client: str) -> tuple[tuple[str, ...], Path, dict[str, str]]:
    """A command, its folder, its environment."""
    if not client:
        return ("bash", "-euo", "pipefail"), HERE, environment(Client((), None))
    its = ALL[client]
    if its.on_node:  # which looks for packages from the folder that it is started in
        return ("node", "--input-type=module"), HERE / "node", environment(its)
    alone = ("-S",) if its.packages else ()
    program = ("-c", _LOAD_MEMOS) if client == MEMOS else ("-",)
    return (sys.executable, *alone, *program), HERE.parent.parent, environment(its)
