"""A `Registry` of plain dicts, for tests and trials: no file, no engine, nothing kept."""

from collections.abc import Sequence

from gateway.memory.model import Entry, Scope


class FakeRegistry:
    """See `Registry`."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Scope, str, str], Entry] = {}

    async def put_entry(self, scope: Scope, entry: Entry) -> None:
        self._entries[scope, entry.kind, entry.id] = entry

    async def get_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> list[Entry]:
        found = (self._entries.get((scope, kind, each)) for each in ids)
        return [entry for entry in found if entry is not None]

    async def list_entries(
        self, scope: Scope, kind: str, *, group: str = "", limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        chosen = [
            entry
            for (owner, of, _), entry in self._entries.items()
            if owner == scope and of == kind and entry.group == group
        ]
        chosen.sort(key=lambda entry: (-entry.created, entry.id))
        return chosen[offset : offset + limit], len(chosen)

    async def all_entries(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        held = [entry for (owner, _, _), entry in self._entries.items() if owner == scope]
        held.sort(key=lambda entry: (-entry.created, entry.id))
        return held[offset : offset + limit], len(held)

    async def delete_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> int:
        gone = (self._entries.pop((scope, kind, each), None) for each in ids)
        return sum(entry is not None for entry in gone)

    async def erase(self, scope: Scope) -> int:
        held = [key for key in self._entries if key[0] == scope]
        for key in held:
            del self._entries[key]
        return len(held)
