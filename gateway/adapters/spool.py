"""A spool in files: turns that the store did not take, kept until it does.

Each process writes a file of its own in the folder and holds a lock on it, so that several may
share the folder, and what a dead one left is replayed by whoever finds it unlocked. A turn is a
line of JSON behind its checksum and its length; a line that was torn or spoilt is dropped, counted,
and costs no other. Only the owner may read the files, which hold what people said; with a key, each
line is sealed.
"""

import asyncio
import fcntl
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeVar
from zlib import crc32

from gateway.adapters.records import turn_from_json, turn_json
from gateway.adapters.sealing import HEAD, PLAIN, SETTING, Seal
from gateway.errors import SpoolError, StartupError, StoreError
from gateway.memory.model import Turn

P = ParamSpec("P")
R = TypeVar("R")

_SUFFIX: Final = ".spool"
_FRAME: Final = b"%08x %d %b\n"  # checksum, length in bytes, JSON or what it was sealed as


class FileSpool:
    """See `Spool`. Made by `open`; `most` bytes are held at a time, by this process.

    `damaged` is told how many lines of a file could not be read back.
    """

    def __init__(
        self, folder: Path, *, most: int, damaged: Callable[[int], None], seal: Seal
    ) -> None:
        self._folder = folder
        self._most = most
        self._lines = seal
        self._damaged = damaged
        self._current: _File | None = None
        self._held: dict[Path, _Held] = {}
        self._replaying = asyncio.Lock()
        # Every touch of a file is made on this one thread: in order, and never on the event loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        most: int,
        damaged: Callable[[int], None] = lambda _: None,
        seal: Seal = PLAIN,
    ) -> Self:
        """The spool in `folder`, with what the dead left there. Blocks. Raises StartupError."""
        spool = cls(folder, most=most, damaged=damaged, seal=seal)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in spool._paths():
                if file := _File.adopt(path):
                    fitting = [_fits(line, seal) for line in file.lines()]
                    spool._held[path] = _Held(len(fitting), file.size)
                    file.close()
                    if not all(fitting):
                        raise StartupError(
                            f"the spool {folder} holds turns that are sealed with a key that is not"
                            f" in {SETTING}"
                        )
        except OSError as error:
            raise StartupError(f"the spool {folder} cannot be opened: {error.strerror}") from error
        return spool

    def __len__(self) -> int:
        return sum(held.turns for held in self._held.values())

    async def append(self, turn: Turn) -> None:
        line = turn_json(turn, self._lines)
        await self._on_thread(self._append, [_FRAME % (crc32(line), len(line), line)])

    async def replay(self, write: Callable[[Turn], Awaitable[bool]]) -> None:
        async with self._replaying:
            await self._on_thread(self._seal)
            for path in await self._on_thread(self._paths):
                file = await self._on_thread(_adopted, path)
                if file is None:  # somebody else has it, or is done with it
                    continue
                try:
                    await self._replay(file, write)
                finally:
                    await self._on_thread(file.close)

    async def aclose(self) -> None:
        """Give up the lock; what is in the file is replayed next time."""
        await self._on_thread(self._seal)
        self._thread.shutdown()

    async def _replay(self, file: "_File", write: Callable[[Turn], Awaitable[bool]]) -> None:
        kept, damaged = [], 0
        lines = file.lines()
        while frame := await self._on_thread(next, lines, b""):
            if not _fits(frame, self._lines):  # of another process, which may come back
                kept.append(frame)
                continue
            turn = _turn(frame, self._lines)
            if turn is None:
                damaged += 1
            elif not await write(turn):
                kept.append(frame)
        if damaged:
            self._damaged(damaged)
        if kept:
            await self._on_thread(self._write, kept)
        await self._on_thread(file.remove)
        self._held.pop(file.path, None)

    def _append(self, frames: Sequence[bytes]) -> None:
        size = sum(held.size for held in self._held.values()) + sum(map(len, frames))
        if size > self._most:
            raise SpoolError("the spool is full")
        self._write(frames)

    def _write(self, frames: Sequence[bytes]) -> None:
        try:
            if self._current is None:
                self._current = _File.create(self._folder)
            self._current.append(b"".join(frames))
        except OSError as error:
            self._seal()  # whatever its end looks like now, nothing is written behind it
            raise SpoolError(f"the spool cannot be written: {error.strerror}") from error
        held = self._held.get(self._current.path, _Held(0, 0))
        self._held[self._current.path] = _Held(held.turns + len(frames), self._current.size)

    def _seal(self) -> None:
        if self._current is not None:
            self._current.close()
            self._current = None

    def _paths(self) -> list[Path]:
        """The files there are, oldest first."""
        paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
        for gone in self._held.keys() - {*paths}:  # somebody else replayed it
            del self._held[gone]
        return paths

    async def _on_thread(self, work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))


def bytes_in(folder: Path) -> int:
    """How many the spools of all processes hold in `folder`, whoever has them locked."""
    size = 0
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # replayed meanwhile
            size += path.stat().st_size
    return size


@dataclass(frozen=True, slots=True)
class _Held:
    """What waits in a file: turns, and bytes."""

    turns: int
    size: int


class _File:
    """A file of the spool that this process has locked; closing it gives up the lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path) -> Self:
        """A new file. Raises OSError."""
        while True:
            name = f"{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(folder / name, flags, 0o600)
            if _locked(descriptor):
                break
            os.close(descriptor)  # somebody who looks for what was left took it for that
        above = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(above)  # or the file's name may be gone after a power cut
        finally:
            os.close(above)
        return cls(folder / name, descriptor)

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """The file that another process, or an earlier time, left there. Raises OSError."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, frames: bytes) -> None:
        """Write it, to the disk. Raises OSError, and then leaves nothing of it if it can."""
        try:
            rest = memoryview(frames)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(frames)

    def lines(self) -> Iterator[bytes]:
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(0)
            yield from file

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._descriptor)


def _adopted(path: Path) -> _File | None:
    """As `_File.adopt`. Raises SpoolError."""
    try:
        return _File.adopt(path)
    except OSError as error:
        raise SpoolError(f"the spool cannot be read: {error.strerror}") from error


def _locked(descriptor: int) -> bool:
    """Whether the lock was had of a file that is still in its folder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def _line(frame: bytes) -> bytes:
    """What was written as a line. Raises ValueError if it is not what is there."""
    checksum, length, line = frame.removesuffix(b"\n").split(b" ", 2)
    if (int(checksum, 16), int(length)) != (crc32(line), len(line)):
        raise ValueError("the line is torn or spoilt")
    return line


def _fits(frame: bytes, seal: Seal) -> bool:
    """Whether the key of a line is there, if it has one. A line that is torn needs none."""
    try:
        return seal.fits(_line(frame)[:HEAD].decode("utf-8", "replace"))
    except ValueError:
        return True


def _turn(frame: bytes, seal: Seal) -> Turn | None:
    """The turn of a line; None if the line is not what was written."""
    try:
        return turn_from_json(_line(frame), seal)
    except (ValueError, KeyError, TypeError, StoreError):
        return None
