"""The Qdrant front as a process of its own, which a test may freeze, kill and start again."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.child import Child
from tests.process import START, free_port

# Certificates take long to read, and are of no use here.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": False}


@dataclass
class Qdrant(Child):
    """A front at `url`."""

    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "tests.qdrant_front", "--port", str(self.port)]
        root = Path(__file__).parent.parent
        self.child = subprocess.Popen([*command, *self.options], cwd=root)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.child.poll() is None:
            try:
                httpx.get(f"{self.url}/_asked", **PLAIN)
            except httpx.TransportError:
                time.sleep(0.02)  # it says nothing that could be waited for
            else:
                return
        raise RuntimeError("the front does not answer")

    def fault(self, *faults: dict[str, object]) -> None:
        """Answer so from now on; see `Fault`. Without any, rightly again."""
        httpx.post(f"{self.url}/_faults", json=list(faults), **PLAIN).raise_for_status()

    def asked(self) -> dict[str, int]:
        """How often each path was asked since the start."""
        answer: dict[str, int] = httpx.get(f"{self.url}/_asked", **PLAIN).json()
        return answer


@contextmanager
def qdrant(*options: str) -> Iterator[Qdrant]:
    """A front that runs, and is killed at the end if it still does."""
    process = Qdrant(options)
    try:
        process.start()
        yield process
    finally:
        process.kill()
