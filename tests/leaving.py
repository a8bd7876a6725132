"""A client that leaves at a moment that its test names."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx


async def leave_when(reached: asyncio.Event, asking: Coroutine[Any, Any, object]) -> None:
    """Ask, and drop the connection once `reached` is set."""
    task = asyncio.create_task(asking)
    await asyncio.wait_for(reached.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def read_all(url: str, body: dict[str, Any]) -> None:
    """Post, and read whatever is answered."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
        client.stream("POST", url, json=body) as response,
    ):
        async for _ in response.aiter_raw():
            pass
