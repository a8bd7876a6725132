"""Remembers which server keeps failing, so that others are asked before it."""

import time
from collections.abc import Callable


class Breaker:
    """Open after `threshold` failures in a row; then asked again once every `rest` seconds.

    What counts as a failure is the caller's to say. A refusal is none: a server that answers "too
    many requests" is well. Nothing here forbids a call: it says who should come last.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        rest: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._again = 0.0  # when an open one may be asked next

    @property
    def open(self) -> bool:
        return self._failures >= self._threshold

    def allows(self) -> bool:
        """Whether to ask now; of an open one, this is the one question for the next `rest`."""
        if not self.open:
            return True
        if self._clock() < self._again:
            return False
        self._again = self._clock() + self._rest
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self.open:
            self._again = self._clock() + self._rest
