"""The span of time that a bound of a filter names: a day, a moment, a millisecond."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.memory.model import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final[Millis] = 86_400_000
_EXACT: Final = 2**53  # integers below this are the same as 64-bit floats, which engines compare


def named_span(value: Any) -> tuple[Millis, Millis]:  # noqa: ANN401  a client's JSON
    """The first millisecond that is not before what `value` names, and the first one after it.

    A date is its whole day, and what names no zone is in UTC. Raises ValueError.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value, value + 1
    if isinstance(value, str):
        with suppress(ValueError):
            start = (date.fromisoformat(value) - _EPOCH.date()).days * _DAY
            return start, start + _DAY
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            micros = (zoned - _EPOCH) // timedelta(microseconds=1)
            return -(-micros // 1000), micros // 1000 + 1
    raise ValueError("must be a date, an ISO date-time or milliseconds since the epoch")
