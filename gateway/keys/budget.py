"""How much a key may take: requests and tokens within a minute or a day, requests at once.

A minute and a day are the clock's own (UTC), so a key may take two minutes' worth around the turn
of one. Requests and tokens are counted by a `Counter`, which gateways may share; requests at once
are counted in each process. Tokens are known when an answer ends, so the answers under way when a
budget is used up are still whole.
"""

import math
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from gateway.errors import OverBudgetError
from gateway.keys.key import Allowance, Key
from gateway.memory.model import Millis

MINUTE: Final = 60
DAY: Final = 86_400


class Counter(Protocol):
    """Counts that are forgotten by themselves."""

    async def add(self, name: str, amount: int, seconds: int) -> int:
        """Add to a count and return what it comes to; it is kept for at least `seconds`.

        Never raises: what cannot be counted together is counted here.
        """
        ...


class Budget:
    """Holds keys to their allowances; `usual` is that of a key that has none of its own."""

    def __init__(self, counter: Counter, usual: Allowance, *, clock: Callable[[], Millis]) -> None:
        self._counter = counter
        self._usual = usual
        self._clock = clock
        self._under_way: Tally[str] = Tally()

    def allowance(self, key: Key) -> Allowance:
        return key.allowance.over(self._usual)

    @contextmanager
    def one_more(self, key: Key) -> Iterator[None]:
        """One of the key's requests under way. Raises OverBudgetError."""
        most = self.allowance(key).in_flight
        if most and self._under_way[key.id] >= most:
            raise OverBudgetError("in_flight", most, wait=1)
        self._under_way[key.id] += 1
        try:
            yield
        finally:
            self._under_way[key.id] -= 1
            if not self._under_way[key.id]:
                del self._under_way[key.id]

    async def admit(self, key: Key) -> None:
        """Count a request. Raises OverBudgetError: it is one too many, or no tokens are left."""
        allowance = self.allowance(key)
        if most := allowance.requests_per_minute:
            await self._take(key, "requests_per_minute", MINUTE, 1, most + 1)
        if most := allowance.tokens_per_day:
            await self._take(key, "tokens_per_day", DAY, 0, most)
        if most := allowance.tokens_per_minute:
            await self._take(key, "tokens_per_minute", MINUTE, 0, most)

    def counts_tokens(self, key: Key) -> bool:
        allowance = self.allowance(key)
        return bool(allowance.tokens_per_minute or allowance.tokens_per_day)

    async def spend(self, key: Key, tokens: int) -> None:
        """Tokens that an answer took, counted where the key has a budget of them."""
        allowance = self.allowance(key)
        if allowance.tokens_per_minute:
            await self._add(key, "tokens_per_minute", MINUTE, tokens)
        if allowance.tokens_per_day:
            await self._add(key, "tokens_per_day", DAY, tokens)

    async def _take(self, key: Key, what: str, length: int, amount: int, full: int) -> None:
        if await self._add(key, what, length, amount) >= full:
            left = length - self._clock() / 1000 % length
            raise OverBudgetError(what, full - amount, wait=max(1, math.ceil(left)))

    async def _add(self, key: Key, what: str, length: int, amount: int) -> int:
        window = int(self._clock() / 1000 // length)
        return await self._counter.add(f"{key.id}:{what}:{window}", amount, 2 * length)
