"""A `Spool` in a list, for tests and trials: nothing outlives the process."""

from collections.abc import Awaitable, Callable

from gateway.memory.model import Turn


class FakeSpool:
    """See `Spool`."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []

    def __len__(self) -> int:
        return len(self._turns)

    async def append(self, turn: Turn) -> None:
        self._turns.append(turn)

    async def replay(self, write: Callable[[Turn], Awaitable[bool]]) -> None:
        for turn in list(self._turns):
            if await write(turn):
                self._turns.remove(turn)
