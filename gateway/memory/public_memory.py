"""Where a project's public memory is searched: not where it was empty a moment ago."""

import time
from collections.abc import Callable
from typing import Final

from gateway.memory.model import Holder, Kind, Scope, Status, public
from gateway.memory.ports import Selection, Store

EMPTY_FOR: Final = 5.0  # seconds that a project's public memory is taken to be empty still
FILLED_FOR: Final = 60.0  # and to be worth a search
_MOST: Final = 10_000  # projects

_ANYTHING: Final = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))


class PublicMemory:
    """Remembers which projects have none, so that their chats do not pay for searching it.

    What this process writes is found at once, what another writes within EMPTY_FOR seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        # Whether there is any, and until when that is taken to be so.
        self._known: dict[str, tuple[bool, float]] = {}

    def scopes(self, project: str) -> tuple[Scope, ...]:
        """Where to search: the project's public scope, or nowhere."""
        filled, until = self._known.get(project, (True, 0.0))
        return (public(project),) if filled or until <= self._clock() else ()

    async def look(self, project: str) -> None:
        """Look whether there is anything, unless that is known; beside a search, not before it.

        Raises StoreError.
        """
        known, now = self._known.get(project), self._clock()
        if known is not None and known[1] > now:
            return
        _, total = await self._store.list_memories(public(project), _ANYTHING, limit=1)
        if self._known.get(project) is known:  # nothing was written meanwhile
            self._remember(project, filled=total > 0, since=now)

    def written(self, scope: Scope) -> None:
        """Told of each scope that something is shared with."""
        if scope.holder is Holder.PUBLIC:
            self._remember(scope.project, filled=True, since=self._clock())

    def _remember(self, project: str, *, filled: bool, since: float) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[project] = (filled, since + (FILLED_FOR if filled else EMPTY_FOR))
