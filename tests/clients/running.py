"""Clients as the processes that they are to a gateway, each with its own packages.

`make clients` installs the packages: for a Python client a folder that is all its process sees, for
those on Node one folder together.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SECONDS = 60  # for one recipe


@dataclass(frozen=True)
class Client:
    """How to start one; `packages` is empty where the tests' own environment has them."""

    command: tuple[str, ...]
    packages: Path | None
    on_node: bool = False


def _python(module: str, folder: str) -> Client:
    # Without `site` a process sees the standard library, the root of this project, and the folder.
    return Client((sys.executable, "-S", "-m", module), HERE / ".python" / folder)


def _node(script: str) -> Client:
    return Client(
        ("node", str(HERE / "node" / script)), HERE / "node" / "node_modules", on_node=True
    )


CLIENTS = {
    "openai-2": _python("tests.clients.openai_python", "openai-2"),
    "openai-3": Client((sys.executable, "-m", "tests.clients.openai_python"), None),
    "langchain-openai": _python("tests.clients.langchain_python", "langchain-openai"),
    "llama-index": _python("tests.clients.llama_index_python", "llama-index"),
    "openai-node": _node("openai.mjs"),
    "ai-sdk": _node("ai_sdk.mjs"),
}
MEMOS = "memos"
ALL = CLIENTS | {MEMOS: _python("tests.clients.memos_python", MEMOS)}


class Running:
    """A client's process, which follows one recipe at a time."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    async def follow(self, recipe: str, url: str) -> Any:
        """What the client saw at the gateway of this address."""
        self._write(json.dumps({"recipe": recipe, "base_url": f"{url}/v1"}))
        line = await self._read()
        if "raised" in line:
            pytest.fail(f"{self.name}: {line['raised']}", pytrace=False)
        return line["saw"]

    def tell(self) -> None:
        """Say that the moment has come which the recipe waits for."""
        self._write("")

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                line = await asyncio.to_thread(self._process.stdout.readline)
        except TimeoutError:
            self._process.kill()  # which ends the thread's wait
            raise
        assert line, f"{self.name} ended with {self._process.wait()}"
        return json.loads(line)


def environment(client: Client) -> dict[str, str]:
    """What its process has of ours. Skips the test where Node is not installed, and only there."""
    if client.on_node and not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed")
    if client.packages is not None and not client.packages.is_dir():
        pytest.fail(f"`make clients` installs {client.packages.name}", pytrace=False)
    settings = ("OPENAI_", "MEMOS_", "PYTHON")
    ours = {k: v for k, v in os.environ.items() if not k.startswith(settings)}
    if client.packages is not None and not client.on_node:
        ours["PYTHONPATH"] = str(client.packages)
    return ours


@contextmanager
def running(name: str) -> Iterator[Running]:
    """Start a client."""
    client = ALL[name]
    process = subprocess.Popen(
        client.command,
        cwd=HERE.parent.parent,
        env=environment(client),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(name, process)
    finally:
        process.kill()
        process.communicate()
