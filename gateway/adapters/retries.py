"""When a server that refused or failed may be asked again: what it says itself comes first.

The same headers that the official clients go by
(https://github.com/openai/openai-python, `_base_client.py`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 20.0  # seconds; who asks for more gets its answer passed on instead
FIRST_WAIT, MOST_BACKOFF = 0.5, 8.0

REFUSAL = 400  # the first status of one

_AGAIN = frozenset({408, 409, 429})
_SERVER_SIDE = 500


def failed(status: int) -> bool:
    """Whether another server might do better: this one is overloaded, or broken."""
    return status in {408, 429} or status >= _SERVER_SIDE


def wait_after(
    status: int, headers: Sequence[tuple[bytes, bytes]], attempt: int, *, chance: float
) -> float | None:
    """Seconds to wait before this server is asked again, or None: not at all.

    `attempt` counts from 0. `chance`, 0..1, spreads those who wait, by up to a quarter less.
    """
    if status < REFUSAL:
        return None
    said = _named(headers)
    match said.get(b"x-should-retry", "").lower():
        case "true":
            pass
        case "false":
            return None
        case _ if status not in _AGAIN and status < _SERVER_SIDE:
            return None
    asked = _asked(said)
    if asked is None:
        return backoff(attempt, chance=chance)
    return asked if asked <= LONGEST_WAIT else None


def backoff(attempt: int, *, chance: float) -> float:
    """Half a second, doubled with each attempt up to eight, less up to a quarter."""
    return min(FIRST_WAIT * 2.0 ** min(attempt, 10), MOST_BACKOFF) * (1 - chance / 4)


def asked_to_wait(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """The seconds that the server asks to be left alone, or None when it does not say."""
    return _asked(_named(headers))


def _named(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, str]:
    return {name.lower(): value.decode("latin-1").strip() for name, value in headers}


def _asked(said: dict[bytes, str]) -> float | None:
    for name, scale in ((b"retry-after-ms", 1000.0), (b"retry-after", 1.0)):
        value = said.get(name, "")
        try:
            seconds = float(value) / scale
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = parsedate_to_datetime(said.get(b"retry-after", ""))
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
