"""Counts in this process, for one gateway or for when Redis cannot be asked."""

import time
from collections.abc import Callable
from typing import Final

MOST: Final = 100_000  # counts that are kept; then those go first that were begun first


class LocalCounter:
    """See `Counter`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._counts)

    async def add(self, name: str, amount: int, seconds: int) -> int:
        now = self._clock()
        count, until = self._counts.get(name, (0, 0.0))
        if until <= now:
            self._counts.pop(name, None)
            self._forget(now)
            count, until = 0, now + seconds
        if amount or count:
            self._counts[name] = count + amount, until
        return count + amount

    def _forget(self, now: float) -> None:
        """Drop what is over at the old end, and what is too many."""
        while self._counts:
            oldest = next(iter(self._counts))
            if len(self._counts) < MOST and self._counts[oldest][1] > now:
                return
            del self._counts[oldest]
