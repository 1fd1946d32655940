"""Twins in memory: of one change that its source tells twice, the first to come in counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dispatcher.events import Event
from dispatcher.ports import Clock, Kinship

_KNOWN_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Telling:
    event_id: str
    occurred_at: datetime
    until: datetime


class MemoryTwins:
    """Knows the tellings of late.

    Args:
        clock: Tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tellings: dict[bytes, _Telling] = {}

    def of(self, event: Event, kinship: Kinship) -> str | None:
        """Return the id of the event's twin, if it has one; else it is the one to have a twin."""
        now = self._clock.now()
        known = self._tellings.get(kinship.digest)
        if known and known.until > now:
            if known.event_id == event.id:
                return None
            if abs(known.occurred_at - event.occurred_at) <= timedelta(seconds=kinship.window):
                return known.event_id
        telling = _Telling(event.id, event.occurred_at, now + _KNOWN_FOR)
        self._tellings[kinship.digest] = telling
        return None
