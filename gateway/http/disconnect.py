"""Notices that the client has gone while we wait for something else."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from starlette.types import Message, Receive


class ClientGoneError(Exception):
    """The client closed its connection; there is nobody to answer."""


class UntilDisconnect:
    """A block that is cancelled at once when the client goes, and then raises ClientGoneError.

    ASGI tells of a disconnect only to who calls `receive`, so a task does that meanwhile; what it
    receives of a body that has not been read goes to `feed`. The bookkeeping of the cancellation
    is that of `asyncio.timeout`.
    """

    def __init__(
        self, receive: Receive, feed: Callable[[Message], Awaitable[None]] | None = None
    ) -> None:
        self._receive = receive
        self._feed = feed
        self._gone = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  always so inside a coroutine
        self._task = task
        self._cancelling = task.cancelling()
        self._watch = asyncio.create_task(self._wait())
        return self

    async def _wait(self) -> None:
        while (message := await self._receive())["type"] != "http.disconnect":
            if self._feed is not None:
                await self._feed(message)
        self._gone = True
        self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watch.cancel()
        if not self._gone:
            return
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise ClientGoneError from error
