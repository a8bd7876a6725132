"""The days that a question names, so that what was said on them can come first. English."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from gateway.memory.model import Millis

_DAY: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_YEARS: Final = 20
_AFTERWARDS: Final = 7  # days in which one tells of what happened

_MONTHS: Final = "janfebmaraprmayjunjulaugsepoctnovdec"
_COUNTS: Final = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_M: Final = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_D: Final = r"\b(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_Y: Final = r"(?P<year>(?:19|20)\d\d)\b"
_WHEN: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b",
        rf"{_D}(?: of)? {_M}(?:,? {_Y})?",
        rf"\b{_M}\.? {_D}(?:,? {_Y})?",
        rf"\b{_M}(?:,| of)? {_Y}",
        rf"\b(?:in|of|during|since|last|early|late|mid) {_M}",  # "may" and "march" are verbs too
        rf"\b(?:in|of|during|since) {_Y}",
        rf"\b(?P<count>\d{{1,2}}|{'|'.join(_COUNTS)}) (?P<unit>day|week|month|year)s? ago\b",
        r"\blast (?P<unit>week|month|year)\b",
        r"\byesterday\b",
    )
)


def named_days(question: str, now: Millis) -> frozenset[int]:
    """The days that a question names, in days since the epoch, and the week after them.

    "in May 2023", "on 8 May", "in 2022", "last month", "three weeks ago"; English. A date without
    its year is that date of each of the last twenty.
    """
    today = date.fromordinal(_EPOCH + now // _DAY)
    found = (match for form in _WHEN if (match := form.search(question)))
    match = next(found, None)
    if match is None:
        return frozenset()
    named = {key: text.lower() for key, text in match.groupdict(default="").items()}
    days: set[int] = set()
    for first, last in _spans(named, today):
        days.update(range(first - _EPOCH, last - _EPOCH + 1 + _AFTERWARDS))
    return frozenset(days)


def _spans(named: dict[str, str], today: date) -> Iterator[tuple[int, int]]:
    """The first and the last day, as ordinals, of what the parts of a date name."""
    if "month" in named or "year" in named:
        month = named.get("month", "")
        number = int(month) if month.isdigit() else _MONTHS.find(month[:3]) // 3 + 1
        years = range(today.year - _YEARS, today.year + 1)
        for year in [int(named["year"])] if named.get("year") else years:
            yield from _span(year, number if month else 0, int(named.get("day") or 0))
        return
    count = named.get("count", "")
    back = int(count) if count.isdigit() else _COUNTS.get(count, 1)
    match named.get("unit", "day"):
        case "year":
            yield from _span(today.year - back, 0, 0)
        case "month":
            year, month0 = divmod(today.year * 12 + today.month - 1 - back, 12)
            yield from _span(year, month0 + 1, 0)
        case unit:
            day = today.toordinal() - back * (7 if unit == "week" else 1)
            around = 3 if unit == "week" else 0
            yield day - around, day + around


def _span(year: int, month: int, day: int) -> Iterator[tuple[int, int]]:
    """A year, a month of it or a day of that; nothing where the calendar has none."""
    try:
        first = date(year, month or 1, day or 1)
        if day:
            last = first
        elif month:
            last = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
        else:
            last = date(year, 12, 31)
    except ValueError:
        return
    yield first.toordinal(), last.toordinal()
