"""When something happens, read out of a sentence and resolved against the time it was said.

English. A day is its midnight in UTC, a month or a year its first day; a bare weekday or day of a
month is the nearest one ahead, or behind when the sentence tells of the past. No clock times.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from gateway.memory.model import Millis

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2, "a few": 3,
}  # fmt: skip

# "may" and "march" are also verbs, "sun" a noun: as dates they need a day or a preposition beside.
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>(?:19|20)\d\d))"
_WEEKDAY = r"(?P<weekday>mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_COUNT = r"(?P<count>\d{1,3}|a couple of|a few|" + "|".join(list(_NUMBERS)[:-2]) + ")"
_UNIT = r"(?P<unit>day|week|month|year)s?"


def find(text: str, said: Millis, *, past: bool = False) -> Millis | None:
    """The first date that the text names, in milliseconds; None when it names none."""
    try:
        today = datetime.fromtimestamp(said / 1000, UTC).date()
    except (OverflowError, ValueError, OSError):
        return None
    for pattern, resolve in _FORMS:
        if match := pattern.search(text):
            try:
                day = resolve(match, today, past)
            except (OverflowError, ValueError):
                continue  # 31 February, or a year that no calendar holds
            return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    return None


def _iso(match: re.Match[str], _today: date, _past: bool) -> date:
    return date(*(int(match[part]) for part in ("year", "month", "day")))


def _calendar(match: re.Match[str], today: date, past: bool) -> date:
    month = _month(match["month"])
    day = int(match.groupdict().get("day") or 1)
    if match["year"]:
        return date(int(match["year"]), month, day)
    return _nearest(month, day, today, past)


def _nearest(month: int, day: int, today: date, past: bool) -> date:
    """The nearest such day, of this year if that lies on the right side of today."""
    floor = today if day > 1 else today.replace(day=1)  # "in June", said in June, is this month
    step = -1 if past else 1
    for year in (today.year, today.year + step, today.year + 2 * step, today.year + 4 * step):
        try:
            found = date(year, month, day)
        except ValueError:  # 29 February of a common year
            continue
        if (found <= today) if past else (found >= floor):
            return found
    raise ValueError("no such day")


def _named_month(match: re.Match[str], today: date, past: bool) -> date:
    which = (match["which"] or "").lower()
    found = _nearest(_month(match["month"]), 1, today, past or which == "last")
    if which in ("last", "next") and (found.year, found.month) == (today.year, today.month):
        return found.replace(year=found.year + (1 if which == "next" else -1))
    return found


def _named_weekday(match: re.Match[str], today: date, past: bool) -> date:
    which = (match["which"] or "").lower()
    wanted = _WEEKDAYS.index(match["weekday"].lower()[:3])
    if which in ("last", "past") or (past and which not in ("next", "this", "coming")):
        return today - timedelta((today.weekday() - wanted - 1) % 7 + 1)
    ahead = (wanted - today.weekday()) % 7
    return today + timedelta(ahead or (0 if which == "this" else 7))


def _near(match: re.Match[str], today: date, _past: bool) -> date:
    word = " ".join(match.group().lower().split())
    offsets = {"day after tomorrow": 2, "day before yesterday": -2, "tomorrow": 1}
    offset = next((days for name, days in offsets.items() if name in word), None)
    if offset is None:
        offset = -1 if word in ("yesterday", "last night") else 0
    return today + timedelta(offset)


def _counted(match: re.Match[str], today: date, _past: bool) -> date:
    count = match["count"].lower()
    amount = _NUMBERS[count] if count in _NUMBERS else int(count)
    return _shift(today, match["unit"].lower(), -amount if match["ago"] else amount)


def _period(match: re.Match[str], today: date, _past: bool) -> date:
    """Next, last and this: the Monday of the week, the first of the month or the year."""
    step = {"next": 1, "coming": 1, "last": -1, "past": -1}.get(match["which"].lower(), 0)
    match match["period"].lower():
        case "weekend":
            return today + timedelta(5 - today.weekday() + 7 * step)
        case "week":
            return today + timedelta(7 * step - today.weekday())
        case "month":
            return _shift(today.replace(day=1), "month", step)
        case "year":
            return date(today.year + step, 1, 1)
        case season:
            start = today.replace(month=_SEASONS[season], day=1)
            begun, over = start <= today, start + timedelta(92) <= today
            years = {1: int(begun), 0: 0, -1: -int(not over)}[step]
            return start.replace(year=start.year + years)


def _only_year(match: re.Match[str], _today: date, _past: bool) -> date:
    return date(int(match["year"]), 1, 1)


def _shift(day: date, unit: str, amount: int) -> date:
    if unit in ("day", "week"):
        return day + timedelta(amount * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + amount * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(1)).day
    return date(year, month + 1, min(day.day, last))


def _month(name: str) -> int:
    return 1 + _MONTHS.index(name.lower()[:3])


_PERIODS = "weekend|week|month|year|spring|summer|autumn|fall|winter"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date, bool], date]], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), resolve)
    for pattern, resolve in (
        (r"(?P<year>(?:19|20)\d\d)[-/.](?P<month>1[0-2]|0?\d)[-/.](?P<day>[0-3]?\d)", _iso),
        (rf"{_DAY}(?: of)? {_MONTH}{_YEAR}?", _calendar),
        (rf"{_MONTH} {_DAY}(?!\d|:|%| (?:hours|days|weeks|months|years)){_YEAR}?", _calendar),
        (rf"(?:in|of|since|from|until|by|early|late|mid) {_MONTH}{_YEAR}", _calendar),
        (r"day (?:after tomorrow|before yesterday)|tomorrow|yesterday|last night", _near),
        (rf"(?:on|by|until|for|(?P<which>next|last|past|this|coming)) {_WEEKDAY}", _named_weekday),
        (rf"in {_COUNT}(?: more)? {_UNIT}(?P<ago>)(?! ago)", _counted),
        (rf"{_COUNT} {_UNIT} (?P<ago>ago)", _counted),
        (rf"(?P<which>next|last|past|this|coming) (?P<period>{_PERIODS})", _period),
        (rf"(?:in|during|since|(?P<which>next|last|this)) {_MONTH}", _named_month),
        (r"today|tonight|this (?:morning|afternoon|evening)", _near),
        (r"(?:in|since) (?P<year>(?:19|20)\d\d)", _only_year),
    )
)
