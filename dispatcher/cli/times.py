"""Times as people write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from dispatcher.cli.failures import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN: Final = re.compile(r"(\d{1,5})\s*([smhdw])")
_NOW: Final = re.compile(r"now(?:-(?P<span>.+))?")


def since_if_any(text: str, now: datetime) -> datetime | None:
    """Return the time that a person means, as :func:`parse_since` does; None for nothing.

    Raises:
        UsageError: It is no time.
    """
    return parse_since(text, now) if text else None


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time that a person means: ``2h``, ``7d``, or ISO 8601 (UTC without a zone).

    Raises:
        UsageError: It is neither.
    """
    if span := _seconds(text):
        return now - timedelta(seconds=span)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "--since: expected a span such as 30m, 2h or 7d, or a time such as 2026-11-24T09:30Z"
        ) from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def resolve_now(text: str, now: datetime) -> str | None:
    """Return what ``now`` or ``now-5m`` stands for, RFC 3339; None where the text is neither."""
    found = _NOW.fullmatch(text)
    if found is None:
        return None
    span = found["span"]
    seconds = 0.0 if span is None else _seconds(span)
    return None if seconds is None else (now - timedelta(seconds=seconds)).isoformat()


def parse_span(text: str) -> float | None:
    """Return the seconds of a length of time such as ``30m`` or ``90d``; None where it is none."""
    return _seconds(text)


def _seconds(text: str) -> float | None:
    found = _SPAN.fullmatch(text.strip())
    return float(int(found[1]) * _UNITS[found[2]]) if found else None
