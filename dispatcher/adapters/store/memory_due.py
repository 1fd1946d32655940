"""When deliveries in memory are due, and their way back to the queue."""

import json
from collections.abc import Sequence
from datetime import timedelta

from dispatcher.adapters.store.memory_folding import MemoryFolding
from dispatcher.adapters.store.memory_log import Record
from dispatcher.adapters.store.memory_twins import MemoryTwins
from dispatcher.delivery import State
from dispatcher.ports import Claim, Clock, Parcel


class MemoryDueTimes(MemoryFolding):
    """Gives what is due to one caller only.

    Args:
        clock: Tells the time, for leases and due times too.
        lease: How many seconds a claim lasts.
        retention: For how many seconds a finished delivery is answerable.
        publishing_time: After how many seconds a parcel that was taken and not published
            is due again.
        requeue_horizon: After how many seconds one that is published and that nobody claimed is.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        lease: float = 15.0,
        retention: float = 604800.0,
        publishing_time: float = 15.0,
        requeue_horizon: float = 600.0,
    ) -> None:
        super().__init__(clock, retention=retention)
        self._twins = MemoryTwins(clock)
        self._lease = timedelta(seconds=lease)
        self._publishing_time = timedelta(seconds=publishing_time)
        self._horizon = timedelta(seconds=requeue_horizon)

    async def take_due(self, limit: int) -> Sequence[Parcel]:
        """Return up to *limit* deliveries to put back on the queue, and mark them as queued."""
        now = self._clock.now()
        due = [(record.due, key) for key, record in self._kept.items() if record.due]
        parcels = []
        for _, key in sorted(item for item in due if item[0] <= now)[:limit]:
            record = self._kept[key]
            if record.delivery.state is State.CLAIMED:
                self._lease_ran_out(record)
            record.due = now + self._publishing_time
            self._change(record, state=State.QUEUED, due_at=None)
            parcels.append(as_parcel(record))
        return parcels

    async def queued(self, parcels: Sequence[Parcel]) -> None:
        """Note that these are on the queue; whoever was claimed since is left alone."""
        for parcel in parcels:
            token, *key = json.loads(parcel.taking)
            record = self._kept.get((key[0], key[1]))
            if record and record.token == token and record.delivery.state is State.QUEUED:
                record.due = self._clock.now() + self._horizon

    async def release(self, claim: Claim) -> None:
        """Give a claim back unworked, due at once: a worker is stopping."""
        record = self._kept.get((claim.org_id, claim.event_id))
        if record is None or record.token != claim.token or record.is_recorded:
            return
        record.token += 1
        record.is_recorded = True
        self._defer(record, "", 0.0, attempts=record.delivery.attempts - 1)

    def _lease_ran_out(self, record: Record) -> None:
        self._count(record.delivery.org_id, "uncertain")
        self._change(record, uncertain=record.delivery.uncertain + 1)


def as_parcel(record: Record) -> Parcel:
    """Return a delivery as a parcel for the queue."""
    delivery = record.delivery
    taking = json.dumps([record.token, delivery.org_id, delivery.event_id]).encode()
    return Parcel(delivery.receipt, delivery.event or {}, taking)
