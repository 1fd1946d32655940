"""Times as people read them."""

from datetime import UTC, datetime
from typing import Final

_STEPS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def clock_time(time: datetime) -> str:
    """Return a time to the second, UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def relative(time: datetime, now: datetime) -> str:
    """Return how far a time is from now: ``2 min ago``, ``in 3 h``, ``just now``."""
    seconds = (now - time).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    text = span(abs(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def span(seconds: float) -> str:
    """Return a length of time, short: ``12 ms``, ``3.2 s``, ``5 min``, ``2 h 10 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _STEPS[2][0] and seconds != int(seconds):
        return f"{seconds:.1f} s"
    parts = []
    for size, unit in _STEPS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:.0f} {unit}")
    return " ".join(parts[:2] if parts[0].endswith(("d", "h")) else parts[:1])
