"""What the flow of a request with memory asks of an API's wire format; one dialect per API."""

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.http.tee import Answer
from gateway.settings import Position


class Dialect(Protocol):
    """One API as it is written on the wire. Nothing here knows what is remembered."""

    @property
    def path(self) -> str:
        """Where its requests go, relative to the upstream's base URL."""
        ...

    def messages(self, document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The conversation that a body holds, as `transcript.read` takes it; None without one."""
        ...

    def conversation(self, document: Mapping[str, Any]) -> str:
        """The conversation that a body names in this API's own way, or ""."""
        ...

    def previous(self, document: Mapping[str, Any]) -> str:
        """The name (`Turn.refs`) of the turn that a body says it goes on from, or ""."""
        ...

    def inject(
        self, body: bytes, document: Mapping[str, Any], block: str, position: Position
    ) -> bytes | None:
        """The body with the block in place and every other byte as it was, or None.

        `document` is the parsed body, whose messages could be read. None means that the block has
        nowhere to go.
        """
        ...

    def answer(self) -> Answer:
        """A reader for one answer of this API."""
        ...
