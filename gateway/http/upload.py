"""A request body that goes on while it arrives, for what is too large to be held."""

import asyncio
from typing import Self

from starlette.types import Message

from gateway.http.errors import ApiError
from gateway.http.limits import too_large


class Upload:
    """The pieces of a body, as an iterator that can be read once; one is held at a time.

    Whoever receives the request's messages gives them to `feed`. A body of more than `most` bytes,
    or `idle` seconds without a piece of it, ends the iteration with an ApiError, 413 or 408, which
    is kept in `error`: what sends the body on may wrap it in an error of its own.
    """

    def __init__(self, *, most: int, idle: float) -> None:
        self.error: ApiError | None = None
        self._most = most
        self._idle = idle
        self._size = 0
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)

    async def feed(self, message: Message) -> None:
        """Take the next message, once the one before has been read."""
        if self.error is not None:
            return
        piece = message.get("body", b"")
        self._size += len(piece)
        if self._size > self._most:
            self.error = too_large(self._most)
        if piece or self.error:
            await self._pieces.put(piece)
        if not message.get("more_body", False):
            await self._pieces.put(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle):
                piece = await self._pieces.get()
        except TimeoutError:
            self.error = ApiError(408, f"no piece of the request body came for {self._idle:g} s")
        if self.error is not None:
            raise self.error
        if piece is None:
            raise StopAsyncIteration
        return piece
