"""Functions of dates: points in time with 100 nanoseconds, and their .NET formats in the invariant culture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmgmt.templates.errors import TemplateError
from mlmgmt.templates.signatures import TEXT, TEXT_OR_INTEGER, Function

if TYPE_CHECKING:
    from collections.abc import Callable

_TICKS_PER_SECOND = 10_000_000
_TICKS_PER_MINUTE = 60 * _TICKS_PER_SECOND
_TICKS_PER_DAY = 86_400 * _TICKS_PER_SECOND
_FIRST = datetime(1, 1, 1)
_EPOCH = (datetime(1970, 1, 1) - _FIRST).days * _TICKS_PER_DAY
_LAST = ((datetime(9999, 12, 31) - _FIRST).days + 1) * _TICKS_PER_DAY - 1
_LONGEST_SHOWN = 40

_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,7}))?)?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})T(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})(?P<zone>Z)",
    re.ASCII,
)
_AMERICAN = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"
    r"(?: (?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?: (?P<half>AM|PM))?)?",
    re.ASCII,
)
_DURATION = re.compile(
    r"(?P<sign>-)?P(?=[0-9T])(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,9})(?:\.(?P<fraction>\d{1,7}))?S)?)?",
    re.ASCII,
)
_PIECE = re.compile(
    r"'(?P<one>[^']*+)'|\"(?P<two>[^\"]*+)\"|\\(?P<escaped>.)|%(?P<single>[A-Za-z])|(?P<letters>(?P<letter>[A-Za-z])(?P=letter)*+)"
    r"|(?P<other>[^'\"\\%])",
    re.DOTALL,
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_USUAL = "yyyy-MM-ddTHH:mm:ssZ"
_STANDARD = {
    "": "MM/dd/yyyy HH:mm:ss zzz",
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    **dict.fromkeys("mM", "MMMM dd"),
    **dict.fromkeys("yY", "yyyy MMMM"),
    **dict.fromkeys("oO", "yyyy-MM-ddTHH:mm:ss.fffffffzzz"),
}
_STANDARD_IN_UTC = {"u": "yyyy-MM-dd HH:mm:ssZ", **dict.fromkeys("rR", "ddd, dd MMM yyyy HH:mm:ss 'GMT'")}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a clock shows it, in units of 100 ns since the year 1, and the clock's minutes off UTC."""

    ticks: int
    offset: int = 0

    @property
    def date(self) -> datetime:
        return _FIRST + timedelta(microseconds=self.ticks // 10)

    @property
    def in_utc(self) -> Moment:
        return moment(self.ticks - self.offset * _TICKS_PER_MINUTE)


def moment(ticks: int, offset: int = 0) -> Moment:
    if not 0 <= ticks <= _LAST:
        raise TemplateError("the date is out of range (years 1 to 9999).")
    return Moment(ticks, offset)


def now(clock: Callable[[], datetime]) -> Moment:
    """Return the time of a clock, whose dates have a time zone or are in UTC."""
    time = clock()
    naive = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    return moment((naive - _FIRST) // timedelta(microseconds=1) * 10)


def read_date(text: str) -> Moment:
    """Return the time of a text; without a time zone it is in UTC.

    Raises:
        TemplateError: it is not in ISO 8601, like 20200407T145314Z, nor like 4/7/2020 2:53 PM.
    """
    stripped = text.strip(" ")
    found = next((match for form in (_ISO, _COMPACT, _AMERICAN) if (match := form.fullmatch(stripped))), None)
    if found is None:
        raise TemplateError(f"{text[:_LONGEST_SHOWN]!r} is not a date such as 2020-04-07T14:53:14Z.")
    parts = {"hour": "0", "minute": "0", "second": "0"} | {
        name: value for name, value in found.groupdict().items() if value
    }
    names = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(parts[name]) for name in names)
    half = parts.get("half")
    try:
        if half and not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + 12 * (half == "PM") if half else hour
        time = datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise TemplateError(f"the date {text[:_LONGEST_SHOWN]!r} does not exist.") from None
    seconds = (time - _FIRST) // timedelta(seconds=1)
    ticks = seconds * _TICKS_PER_SECOND + int(parts.get("fraction", "").ljust(7, "0"))
    return moment(ticks, _minutes(parts.get("zone", "Z")))


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    if minutes > 14 * 60 or int(zone[4:6]) > 59:
        raise TemplateError(f"the time zone {zone} does not exist.")
    return -minutes if zone.startswith("-") else minutes


def read_duration(text: str) -> int:
    """Return an ISO 8601 duration in units of 100 ns. A year has 365 days, a month 30; weeks are not allowed."""
    found = _DURATION.fullmatch(text.strip(" \t\r\n"))
    if found is None:
        raise TemplateError(f"{text[:_LONGEST_SHOWN]!r} is not a duration such as P1DT2H30M.")
    names = ("years", "months", "days", "hours", "minutes", "seconds")
    years, months, days, hours, minutes, seconds = (int(found[name] or 0) for name in names)
    days += (years + months // 12) * 365 + months % 12 * 30
    ticks = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * _TICKS_PER_SECOND
    ticks += int((found["fraction"] or "").ljust(7, "0"))
    return -ticks if found["sign"] else ticks


def formatted(time: Moment, form: str) -> str:
    """Return a time in a .NET format.

    Raises:
        TemplateError: the format is unknown.
    """
    if form in _STANDARD_IN_UTC:
        return _custom(time.in_utc, _STANDARD_IN_UTC[form])
    if form not in _STANDARD and len(form) < 2:
        raise _unknown(form)
    return _custom(time, _STANDARD.get(form, form))


def _unknown(form: str) -> TemplateError:
    return TemplateError(f"{form[:_LONGEST_SHOWN]!r} is not a date format that is known here, such as yyyy-MM-dd.")


def _custom(time: Moment, form: str) -> str:
    pieces: list[str] = []
    place = 0
    while place < len(form):
        found = _PIECE.match(form, place)
        if found is None:
            raise _unknown(form)
        place = found.end()
        unit = found["single"] or found["letters"]
        literal = next((found[name] for name in ("one", "two", "escaped", "other") if found[name] is not None), "")
        pieces.append(_unit(time, unit, form) if unit else literal)
    return "".join(pieces)


def _unit(time: Moment, unit: str, form: str) -> str:
    date, count = time.date, len(unit)
    match unit[0]:
        case "y" if count <= 5:
            return f"{date.year % 100 if count < 3 else date.year:0{count}}"
        case "M" if count <= 4:
            return _named(_MONTHS[date.month - 1], date.month, count)
        case "d" if count <= 4:
            return _named(_DAYS[date.weekday()], date.day, count)
        case "H" if count <= 2:
            return f"{date.hour:0{count}}"
        case "h" if count <= 2:
            return f"{(date.hour + 11) % 12 + 1:0{count}}"
        case "m" if count <= 2:
            return f"{date.minute:0{count}}"
        case "s" if count <= 2:
            return f"{date.second:0{count}}"
        case "t" if count <= 2:
            return ("AM" if date.hour < 12 else "PM")[:count]
        case "f" if count <= 7:
            return f"{time.ticks % _TICKS_PER_SECOND:07}"[:count]
        case "K" if count == 1:
            return _zone(time, 3)
        case "z" if count <= 3:
            return _zone(time, count)
        case "F" | "g" | "y" | "M" | "d" | "H" | "h" | "m" | "s" | "t" | "f" | "K" | "z":
            raise _unknown(form)
    # Other letters are literal text.
    return unit


def _named(name: str, number: int, count: int) -> str:
    return f"{number:0{count}}" if count < 3 else name[: 3 if count == 3 else None]


def _zone(time: Moment, count: int) -> str:
    hours, minutes = divmod(abs(time.offset), 60)
    sign = "-" if time.offset < 0 else "+"
    return f"{sign}{hours:0{min(count, 2)}}" + (f":{minutes:02}" if count == 3 else "")


def date_time_add(date: str, duration: str, form: str = _USUAL) -> str:
    start = read_date(date)
    return formatted(moment(start.ticks + read_duration(duration), start.offset), form)


def date_time_to_epoch(date: str) -> int:
    return (read_date(date).in_utc.ticks - _EPOCH) // _TICKS_PER_SECOND


def date_time_from_epoch(seconds: Any) -> str:
    if isinstance(seconds, str):
        if not re.fullmatch(r"-?[0-9]{1,12}", seconds):
            raise TemplateError(f"{seconds[:_LONGEST_SHOWN]!r} is not a whole number of seconds.")
        seconds = int(seconds)
    return formatted(moment(_EPOCH + seconds * _TICKS_PER_SECOND), _USUAL)


FUNCTIONS = {
    "dateTimeAdd": Function(date_time_add, (TEXT, TEXT), (TEXT,)),
    "dateTimeToEpoch": Function(date_time_to_epoch, (TEXT,)),
    "dateTimeFromEpoch": Function(date_time_from_epoch, (TEXT_OR_INTEGER,)),
}
