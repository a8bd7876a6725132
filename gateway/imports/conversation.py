"""A conversation that was held elsewhere, whichever application it was exported from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from gateway.memory.model import Millis

MOST = 60_000  # characters of a message, half from either end: more of one is not searched anyway


class ExportError(Exception):
    """A file is no export that can be read; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message: who said what, and when, if the export tells."""

    role: Literal["user", "assistant"]
    text: str
    time: Millis | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said in one, oldest first. The id is the export's own."""

    id: str
    said: tuple[Said, ...]

    @property
    def digest(self) -> str:
        """The same for the same words in the same conversation."""
        whole = "\x1f".join((self.id, *(f"{s.role}{s.time}{s.text}" for s in self.said)))
        return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def exchanges(self) -> Iterator[tuple[Said, ...]]:
        """What the user said, each time with what was answered to it."""
        exchange: list[Said] = []
        for said in self.said:
            if said.role == "user" and any(earlier.role == "assistant" for earlier in exchange):
                yield tuple(exchange)
                exchange = []
            exchange.append(said)
        if exchange:
            yield tuple(exchange)


def branch(nodes: Mapping[str, Any], last: object, parent: str) -> list[Mapping[str, Any]]:
    """The nodes of a tree from its root to `last`, which each name theirs as `parent`.

    Of a tree that is broken, or goes round in a circle, what can be reached from its end.
    """
    there: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(last, str) and last not in seen and isinstance(nodes.get(last), Mapping):
        seen.add(last)
        there.append(nodes[last])
        last = nodes[last].get(parent)
    return there[::-1]


def said(role: object, text: object, time: object) -> Said | None:
    """A message as it is kept; None for one without words, or that is no person's or model's.

    `time` is seconds or milliseconds since the epoch. Half a surrogate, which JSON may hold and
    nothing can be searched by, becomes a question mark.
    """
    if role not in {"user", "assistant"} or not isinstance(text, str) or not text.strip():
        return None
    whole = text.strip().encode("utf-8", "replace").decode()
    if len(whole) > MOST:
        whole = f"{whole[: MOST // 2]} … {whole[-MOST // 2 :]}"
    return Said("user" if role == "user" else "assistant", whole, _millis(time))


def _millis(time: object) -> Millis | None:
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 < time < _LATEST:
        return None
    return int(time if time > _MILLIS_FROM else time * 1000)


_MILLIS_FROM = 10**11  # as seconds it would be the year 5138
_LATEST = 253_402_300_799_000  # the end of the year 9999
