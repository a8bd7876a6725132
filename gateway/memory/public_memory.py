"""Where a project's public memory is searched: not where it was empty a moment ago."""

import time
from collections.abc import Callable
from typing import Final

from gateway.memory.model import Holder, Kind, Scope, Status, public
from gateway.memory.ports import Selection, Store

EMPTY_FOR: Final = 5.0  # seconds that a project's public memory is taken to be empty still
_MOST: Final = 10_000  # projects

_ANYTHING: Final = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))


class PublicMemory:
    """Remembers which projects have none, so that their chats do not pay for searching it.

    What this process writes is found at once, what another writes within EMPTY_FOR seconds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._empty_until: dict[str, float] = {}

    def scopes(self, project: str) -> tuple[Scope, ...]:
        """Where to search: the project's public scope, or nowhere."""
        empty = self._empty_until.get(project, 0.0) > self._clock()
        return () if empty else (public(project),)

    async def found_nothing(self, project: str) -> None:
        """Look whether there is anything at all, after a search that found nothing.

        Raises StoreError.
        """
        since = self._clock()
        _, total = await self._store.list_memories(public(project), _ANYTHING, limit=1)
        if not total:
            if len(self._empty_until) >= _MOST:
                self._empty_until.clear()
            self._empty_until[project] = since + EMPTY_FOR

    def written(self, scope: Scope) -> None:
        """Told of each scope that something is shared with."""
        if scope.holder is Holder.PUBLIC:
            self._empty_until.pop(scope.project, None)
