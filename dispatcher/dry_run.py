"""What the last days would have looked like under another policy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from dispatcher.delivery import Delivery, DeliveryFilter, SkipReason, State
from dispatcher.ports import Clock, DeliveryLog

_BY_POLICY: Final = frozenset({SkipReason.POLICY_OFF, SkipReason.POLICY_UNSET})
_USUAL_SPAN: Final = timedelta(days=7)
MOST_DELIVERIES: Final = 20_000
"""The newest so many are looked at; a forecast says where there were more."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC) under the other policy.

    Args:
        events: How many events there were.
        told: How many people were told, or are about to be.
        would_be_told: How many would have been, at most: an event that the policy stopped
            was never looked at for other reasons.
    """

    events: int
    told: int
    would_be_told: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be different.

    Args:
        on: The switch that was supposed.
        since: From when on.
        days: Day → what it had been; only days with events.
        is_partial: There were more events than were looked at; the oldest are missing.
    """

    on: bool
    since: datetime
    days: Mapping[date, Day]
    is_partial: bool = False

    @property
    def total(self) -> Day:
        """Return all days together."""
        days = self.days.values()
        return Day(
            sum(day.events for day in days),
            sum(day.told for day in days),
            sum(day.would_be_told for day in days),
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """Supposes another policy.

    Args:
        log: Knows what became of events.
        clock: Tells the time.
    """

    log: DeliveryLog
    clock: Clock

    async def forecast(
        self, org_id: str, *, trigger: str, on: bool, since: datetime | None = None
    ) -> Forecast:
        """Return what would have become of the organization's events.

        Args:
            org_id: The organization.
            trigger: The kind of mail that the supposed switch is about.
            on: How the switch is supposed to have been.
            since: From when on, aware UTC; by default the last 7 days.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        since = since or self.clock.now() - _USUAL_SPAN
        wanted = DeliveryFilter(org_id=org_id, since=since)
        found = await self.log.deliveries(wanted, limit=MOST_DELIVERIES + 1)
        looked_at = [each for each in found[:MOST_DELIVERIES] if each.trigger in {trigger, ""}]
        return Forecast(on, since, _days(looked_at, on=on), len(found) > MOST_DELIVERIES)


def _days(deliveries: Sequence[Delivery], *, on: bool) -> Mapping[date, Day]:
    events: Counter[date] = Counter()
    told: Counter[date] = Counter()
    would: Counter[date] = Counter()
    for delivery in deliveries:
        day = delivery.accepted_at.date()
        events[day] += 1
        told[day] += _is_told(delivery)
        would[day] += on and (_is_told(delivery) or delivery.reason in _BY_POLICY)
    return {day: Day(events[day], told[day], would[day]) for day in sorted(events)}


def _is_told(delivery: Delivery) -> bool:
    return delivery.state not in {State.SKIPPED, State.DEAD}
