"""Points in time as IAMs write them: RFC 3339, or a number of seconds, milliseconds or less."""

import re
from datetime import UTC, datetime
from typing import Final

from dispatcher.errors import MalformedEvent

_RFC_3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:?\d\d)"
)
_NUMBER: Final = re.compile(r"\d{1,19}(\.\d+)?")
_LARGEST_SECONDS: Final = 1e11
"""Past the year 5000 in seconds, before 1974 in milliseconds: a number above is a finer unit."""

_FINEST: Final = 1e9


def instant(value: object) -> datetime:
    """Return the time that *value* tells, aware UTC, to the microsecond.

    Args:
        value: RFC 3339 with any number of digits; or a number, also as text, of seconds,
            milliseconds, microseconds or nanoseconds since 1970, told apart by its size.

    Raises:
        MalformedEvent: It tells none.
    """
    try:
        if isinstance(value, str) and (parts := _RFC_3339.fullmatch(value)):
            date, time, fraction, zone = parts.groups()
            written = f"{date}T{time}.{(fraction or '0').ljust(6, '0')}{zone.upper()}"
            return datetime.fromisoformat(written).astimezone(UTC)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(_seconds(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise MalformedEvent("its time is none that we can read")


def _seconds(number: float) -> float:
    unit = 1.0
    while number / unit >= _LARGEST_SECONDS and unit < _FINEST:
        unit *= 1000
    return number / unit
