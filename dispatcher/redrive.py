"""Bringing deliveries back: those that are due again, and dead letters a person sends again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dispatcher.ports import Ledger, Observer, Parcel, Queue

_MOST_AT_ONCE: Final = 500
_PAUSE: Final = 0.5

_PROBES: Final = 2
"""How many to move at once while no relay takes them: enough to find out when one does."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Puts deliveries that are due back on the queue; any number of workers may run it.

    Args:
        ledger: Knows what is due, and gives each to one caller only.
        queue: Takes it.
        observer: Is told when the store or the broker is away.
        is_held: Tells whether the usual relays are away: what is due then waits where it is,
            but for a few, instead of going round in circles for as long as the outage lasts.
    """

    ledger: Ledger
    queue: Queue
    observer: Observer
    is_held: Callable[[], bool] = lambda: False

    async def run(self) -> None:
        """Go on for ever, until cancelled."""
        while True:
            moved = 0
            try:
                moved = await self.move()
            except Exception as error:  # noqa: BLE001 - without it no retry would ever be sent
                self.observer.waiting("store", error)
            if moved < _MOST_AT_ONCE:
                await asyncio.sleep(_PAUSE)

    async def move(self) -> int:
        """Move what is due now, up to a batch; return how many were moved.

        Raises:
            StoreUnavailable: The store or the broker is away; what was taken and
                not published is due again soon.
        """
        most = _PROBES if self.is_held() else _MOST_AT_ONCE
        parcels: Sequence[Parcel] = await self.ledger.take_due(most)
        if parcels:
            await self.queue.publish(parcels)
            await self.ledger.queued(parcels)
        return len(parcels)
