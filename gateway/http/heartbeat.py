"""Signs of life while something takes long: a load balancer ends what is silent for too long."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# A comment of one line, without the empty line that would end an event: where an `id` or `retry`
# came before it, official clients read an event without data from that line and fail on it
# (https://github.com/openai/openai-python/issues/2722).
HEARTBEAT = b": ping\n"


async def while_waiting(
    work: Coroutine[Any, Any, T], every: float, beat: Callable[[], Awaitable[None]]
) -> T:
    """What `work` returns, with `beat` called after each `every` seconds that it takes.

    Cancelled, or when `beat` raises, the work is cancelled and awaited.
    """
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            await beat()
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return task.result()
