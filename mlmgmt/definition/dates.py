"""Texts that are dates in a definition: what the original reader took, but for forms with two meanings."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d(?:-\d\d)?)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)? ?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_TICKS = re.compile(r"/Date\(-?\d{1,15}(?:[+-]\d{4})?\)/", re.ASCII)


def is_date(text: str) -> bool:
    """Whether a text is one certain date: ISO 8601, RFC 1123, or `/Date(milliseconds)/`."""
    plain = text.strip()
    if _TICKS.fullmatch(plain):
        return True
    found = _ISO.fullmatch(plain)
    try:
        if found is None:
            return parsedate_to_datetime(plain).year > 0 and plain[:1].isalpha()
        date, time = found["date"], found["time"] or "00:00"
        datetime.strptime(date if len(date) > 7 else f"{date}-01", "%Y-%m-%d")
        # The end of a day may be written as 24:00.
        datetime.strptime("00:00:00" if time in ("24:00", "24:00:00") else f"{time}:00"[:8], "%H:%M:%S")
        return True
    except (ValueError, TypeError, IndexError):
        return False
