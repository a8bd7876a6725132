"""Whether requests are still taken, and when the last of those that were has ended."""

import asyncio


class Drain:
    """Counts what is under way. Once it has begun to drain it takes nothing new."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """From now on new requests are refused; those under way go on."""
        self.begun.set()

    def enter(self) -> None:
        self._under_way += 1
        self._idle.clear()

    def leave(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def finished(self, within: float) -> None:
        """Wait until nothing is under way, for `within` seconds at most."""
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            pass

    def __len__(self) -> int:
        """Requests under way."""
        return self._under_way
