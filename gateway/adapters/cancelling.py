"""Ends tasks that talk to Redis, whose client may swallow a cancellation amid a command."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN = 0.5  # seconds after which one that has not ended is cancelled once more


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks until they have ended, however they do."""
    left = set(tasks)
    while left := {task for task in left if not task.done()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN)
