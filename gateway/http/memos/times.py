"""Times as the clients of the MemOS Cloud API write them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from dateutil import parser as dates
from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.memory.model import Millis

# What `datetime` can show, in milliseconds since the epoch.
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
_WRITTEN = {"anyOf": [{"type": "integer", "minimum": FIRST, "maximum": LAST}, {"type": "string"}]}

_CJK_DATE = re.compile(r"(\d+)\s*[年月]\s*|(\d+)\s*日")
# Comments such as "(Sat)", and the name before an offset, whose sign dateutil reads as POSIX does.
_NOISE = re.compile(r"\([^()]*\)|\b(?:GMT|UTC)(?=[+-]\d)")
_MOST_TIME = 100  # characters; the parser takes minutes over a number of 100,000 digits
# What a text leaves open is taken from these, so that two readings of it then differ.
_BLANKS = (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001  the zone is the text's


def parse_time(text: str) -> Millis:
    """A time as people write it, with a whole date; without a zone it is UTC. Raises ValueError."""
    if len(text) > _MOST_TIME:
        raise ValueError("not a time")
    plain = _CJK_DATE.sub(_western, _NOISE.sub(" ", text))
    try:
        moment, other = (dates.parse(plain, default=blank, tzinfos=_zone) for blank in _BLANKS)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        time = round(aware.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError("not a time") from error
    if moment != other:
        raise ValueError("not a time")
    return time


def _zone(name: str | None, offset: int | None) -> int | None:
    """Seconds east of UTC, or None for a text without a zone. Raises ValueError."""
    if name is not None and offset != 0:
        raise ValueError("a name such as CST, which several zones bear")
    return offset


def _western(match: re.Match[str]) -> str:
    return f"{match[1]}-" if match[1] else f"{match[2]} "


def iso(time: Millis) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="seconds")


def _read(value: Any) -> Any:  # noqa: ANN401  whatever was sent
    return parse_time(value) if isinstance(value, str) else value


# A field that takes milliseconds since the epoch, or a text.
Moment = Annotated[
    Millis,
    Field(strict=True, ge=FIRST, le=LAST),
    BeforeValidator(_read),
    WithJsonSchema(_WRITTEN),
]
