"""What the ledger in memory knows, and how it is read."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatcher.delivery import Delivery, DeliveryFilter, State, Totals, place_in_time
from dispatcher.message import Message
from dispatcher.ports import Clock

Key = tuple[str, str]
"""Organization and event id."""


@dataclass(slots=True)
class Record:
    """A delivery, and what only the ledger needs to know of it."""

    delivery: Delivery
    token: int = 0
    due: datetime | None = None
    """The end of the lease, or when it is due; None once it is finished or dead."""
    is_recorded: bool = True
    crashes_forgiven: int = 0
    revived_at: datetime | None = None
    """When a person sent it again; None once it is dead again."""
    message: Message | None = None
    as_it_was: bool = False
    """A person wants its message sent, and not one rendered anew."""
    goes_at_once: bool = False
    """It was asked how it is told, and it tells of its own change."""
    last_duplicates: tuple[str, ...] = ()
    """Their receipts: one that is brought again is no further one."""
    is_evidence: bool = False
    """It is known only as malformed."""


class MemoryDeliveryLog:
    """Answers what became of events, from memory.

    Args:
        clock: Tells the time.
        retention: For how many seconds a finished delivery is answerable.
    """

    def __init__(self, clock: Clock, *, retention: float = 604800.0) -> None:
        self._clock = clock
        self._retention = timedelta(seconds=retention)
        self._kept: dict[Key, Record] = {}
        """Open and dead deliveries."""
        self._finished: dict[Key, Record] = {}
        self._counts: dict[str, Counter[str]] = {}

    async def find(self, event_id: str, *, org_id: str = "") -> Sequence[Delivery]:
        """Return the deliveries of that event id, one per organization that has it, by its name."""
        found = {
            delivery.org_id: delivery
            for delivery in self._all()
            if delivery.event_id == event_id and org_id in {"", delivery.org_id}
        }
        return [found[org] for org in sorted(found)]

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 100) -> Sequence[Delivery]:
        """Return the newest deliveries that match, by their last change, newest first."""
        matching = (delivery for delivery in self._all() if _matches(delivery, wanted))
        return sorted(matching, key=place_in_time, reverse=True)[:limit]

    async def letters(
        self, wanted: DeliveryFilter, *, at_once: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """Yield pages of the dead letters that match, newest first."""
        found = await self.deliveries(replace(wanted, state=State.DEAD), limit=len(self._kept))
        letters = [one for one in found if one.is_letter]
        for start in range(0, len(letters), at_once):
            yield letters[start : start + at_once]

    async def message(self, org_id: str, event_id: str) -> Message | None:
        """Return a dead letter's message as it was rendered; None where none is kept."""
        record = self._kept.get((org_id, event_id))
        return record.message if record and record.delivery.state is State.DEAD else None

    async def totals(self, *, org_id: str = "") -> Totals:
        """Return the counts of one organization, or of all."""
        counts = dict(self._counts.get(f"org {org_id}" if org_id else "all", {}))
        ends = {end: counts.pop(end, 0) for end in ("accepted", "sent", "skipped", "dead")}
        return Totals(**ends, reasons={name: by for name, by in counts.items() if by})

    async def organizations(self) -> AsyncIterator[str]:
        """Yield every organization that ever had an event, in no order."""
        for scope in list(self._counts):
            if scope != "all":
                yield scope.removeprefix("org ")

    def _all(self) -> Iterator[Delivery]:
        now = self._clock.now()
        for record in self._finished.values():
            if record.delivery.changed_at > now - self._retention:
                yield record.delivery
        for record in self._kept.values():
            yield record.delivery

    def _finished_at(self, key: Key) -> Record | None:
        record = self._finished.get(key)
        if record and record.delivery.changed_at <= self._clock.now() - self._retention:
            del self._finished[key]
            return None
        return record

    def _count(self, org_id: str, *names: str, by: int = 1) -> None:
        for scope in ("all", f"org {org_id}") if org_id else ("all",):
            counts = self._counts.setdefault(scope, Counter())
            for name in names:
                counts[name] += by


def _matches(delivery: Delivery, wanted: DeliveryFilter) -> bool:
    return (
        wanted.org_id in {"", delivery.org_id}
        and wanted.state in {None, delivery.state}
        and wanted.reason in {"", delivery.reason}
        and (wanted.since is None or delivery.changed_at >= wanted.since)
        and (wanted.until is None or delivery.changed_at <= wanted.until)
    )
