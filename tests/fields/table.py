"""The table of the MemOS endpoints' fields: for each an effect that shows, and how it is refused.

A row is a function that shows the effect of a good value at a served gateway. Its docstring says
what the effect is, and stands in the documentation beside the values.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.fields.world import World

Shows: TypeAlias = Callable[[World, Any], Awaitable[None]]


@dataclass(frozen=True)
class Bad:
    """A value that is refused with a code.

    `said` is the whole message, where reading the request alone does not refuse it. `beside` are
    further members of the request without which the value would not be at fault; `ready` makes
    such members in a world.
    """

    value: Any
    code: int
    said: str = ""
    beside: dict[str, Any] = field(default_factory=dict)
    ready: Callable[[World], Awaitable[dict[str, Any]]] | None = None


@dataclass(frozen=True)
class Row:
    """A field of an endpoint. `name` is dotted, with `[]` for each item of a list."""

    path: str
    name: str
    good: Any
    shows: Shows
    bad: tuple[Bad, ...]
    free: str

    @property
    def effect(self) -> str:
        return " ".join(inspect.cleandoc(self.shows.__doc__ or "").split())

    def __str__(self) -> str:
        return f"{self.path} {self.name}"


@dataclass
class Endpoint:
    """The rows of one endpoint; `asks` is a request that it takes."""

    path: str
    asks: dict[str, Any]
    method: str = "POST"
    rows: list[Row] = field(default_factory=list)

    def field(
        self, name: str, good: Any, *bad: Bad | tuple[Any, int], free: str = ""
    ) -> Callable[[Shows], Shows]:
        """Add a row. `free` says why no value is refused, where none is."""

        def add(shows: Shows) -> Shows:
            refused = tuple(each if isinstance(each, Bad) else Bad(*each) for each in bad)
            self.rows.append(Row(self.path, name, good, shows, refused, free))
            return shows

        return add

    def asking(self, name: str, value: Any) -> dict[str, Any]:
        """The request that it takes, with this value at this place in it."""
        asks: dict[str, Any] = _copied(self.asks)
        *way, last = name.replace("[]", ".0").split(".")
        at: Any = asks
        for step in way:
            at = at[int(step)] if step.isdigit() else at.setdefault(step, {})
        at[int(last) if last.isdigit() else last] = value
        return asks


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
