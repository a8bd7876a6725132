"""A gateway as its users run it: a process of its own, with its data in a folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START = 60  # seconds; a loaded machine takes a few


@dataclass
class Process:
    """One run of `memory-gateway serve`. What it writes goes to `log`."""

    url: str
    child: subprocess.Popen[bytes]
    log: Path
    extra: dict[str, str] = field(default_factory=dict)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise RuntimeError(f"ended with {self.child.returncode}: {self.log.read_text()}")
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"not ready: {self.log.read_text()}")

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(30)

    def stop(self, name: signal.Signals = signal.SIGTERM, within: float = 30) -> int:
        self.child.send_signal(name)
        return self.child.wait(within)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def start(folder: Path, cache: Path, **settings: str) -> Process:
    """Start a gateway on `folder`; `settings` in lower case, without their prefix."""
    port = settings.get("port") or str(free_port())
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        "data_dir": str(folder / "data"),
        "cache_dir": str(cache),
        "port": port,
    } | settings
    log = folder / "log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"],
            env=environment(given),
            stdout=output,
            stderr=output,
        )
    return Process(f"http://127.0.0.1:{port}", child, log)


@dataclass
class Worker:
    """One run of `memory-gateway worker`. What it writes goes to `log`."""

    child: subprocess.Popen[bytes]
    log: Path

    def wait_until_working(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise RuntimeError(f"ended with {self.child.returncode}: {self.log.read_text()}")
            if "memory-gateway: working" in self.log.read_text():
                return
            time.sleep(0.02)
        raise RuntimeError(f"not working: {self.log.read_text()}")

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(30)

    def stop(self, within: float = 30) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(within)


@contextmanager
def worker(folder: Path, cache: Path, **settings: str) -> Iterator[Worker]:
    """A worker that takes jobs, and is killed at the end if it still runs."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "worker"],
            env=environment({"cache_dir": str(cache)} | settings),
            stdout=output,
            stderr=output,
        )
    process = Worker(child, log)
    try:
        process.wait_until_working()
        yield process
    finally:
        process.kill()


def command(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What `memory-gateway` says to these words, once it has ended."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )


def environment(settings: dict[str, str]) -> dict[str, str]:
    """That of a process of ours with these settings, in lower case and without their prefix."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")},
        **{f"GATEWAY_{key.upper()}": value for key, value in settings.items()},
    }


@contextmanager
def gateway(folder: Path, cache: Path, **settings: str) -> Iterator[Process]:
    """A gateway that is ready, and killed at the end if it still runs."""
    process = start(folder, cache, **settings)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.kill()
