"""See `DocumentReader`: every file is read in a process of its own, which can be killed.

What a file does to a library that reads it, be it endless, huge or worse, it does there: the child
has none of our environment but the path of its modules, so many bytes, so many seconds.
"""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

from gateway.errors import DocumentError
from gateway.memory.document_formats import Format
from gateway.memory.documents import Chunk

MEMORY = 1024  # megabytes of address space
PROCESSOR = 120  # seconds of computing
WAIT = 240.0  # seconds in all
AT_ONCE = 2  # children; more wait
MOST_ANSWER = 64 * 2**20  # bytes

_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
_TOO_MUCH = "reading it takes more time or memory than a file may"


class ApartReader:
    """Files of at most `pages` pages; where a format has none, 10,000 characters are a page."""

    def __init__(
        self,
        *,
        pages: int,
        memory: int = MEMORY,
        processor: int = PROCESSOR,
        wait: float = WAIT,
    ) -> None:
        self._limits = (str(pages), str(memory), str(processor))
        self._wait = wait
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def read(self, content: BinaryIO, format_: Format) -> list[Chunk]:
        async with self._turn:
            answer = await self._answer(content, format_)
        if "error" in answer:
            raise DocumentError(str(answer["error"]))
        return [Chunk(*chunk) for chunk in answer["chunks"]]

    async def _answer(self, content: BinaryIO, format_: Format) -> dict[str, Any]:
        content.flush()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.adapters.documents.inside",
            format_.value,
            *self._limits,
            stdin=content.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        assert child.stdout is not None  # noqa: S101  a pipe
        try:
            async with asyncio.timeout(self._wait):
                written = await _whole(child.stdout)
            answer: dict[str, Any] = orjson.loads(written)
        except (TimeoutError, orjson.JSONDecodeError):
            raise DocumentError(_TOO_MUCH) from None
        else:
            return answer
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _whole(output: asyncio.StreamReader) -> bytes:
    """All that is written; of more than MOST_ANSWER bytes nothing."""
    pieces: list[bytes] = []
    size = 0
    while piece := await output.read(2**20):
        size += len(piece)
        if size > MOST_ANSWER:
            return b""
        pieces.append(piece)
    return b"".join(pieces)
