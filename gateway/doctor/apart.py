"""The checks that nothing can interrupt, in a process of their own, which can be ended.

Loading the model and opening the data folder are calls of foreign code that hold the whole process
up. The child says a line when its imports are done and then one for each check.
"""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, Self

IMPORTS = 30.0  # seconds that the child may take until it can begin


class Apart:
    """The child; an async context manager. Each check has `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience

    async def __aenter__(self) -> Self:
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway.doctor.inside"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self._line(IMPORTS)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._child.kill()
        await self._child.wait()

    async def ask(self) -> dict[str, Any]:
        """What the next check found; nothing when it takes too long or its process has died."""
        return await self._line(self._patience)

    async def _line(self, seconds: float) -> dict[str, Any]:
        assert self._child.stdout is not None  # noqa: S101  a pipe
        try:
            async with asyncio.timeout(seconds):
                found = json.loads(await self._child.stdout.readline())
        except (TimeoutError, ValueError):
            with suppress(ProcessLookupError):
                self._child.kill()  # what comes later would answer another question
            return {}
        return found if isinstance(found, dict) else {}
