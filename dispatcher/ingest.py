"""Taking events in: first durable in the ledger, then on the queue."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dispatcher.events import Event
from dispatcher.ports import Kinship, Ledger, Observer, Parcel, Queue

_MOST_AT_ONCE: Final = 500
_MOST_WAITING: Final = 20_000
"""Events that wait here to be published; beyond, the ledger brings them up by itself."""
_PAUSE: Final = 1.0
_FOLLOWERS: Final = 0.005
"""Seconds that what follows closely is gathered; what comes alone is published at once.

Under load that makes one command, and one awakening of a worker, of many.
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were taken in, and how many of them were known already."""

    accepted: int
    duplicates: int


class Ingest:
    """Takes events in from callers that wait for an answer.

    An event is safe as soon as the ledger has it: if the queue is away, or this process
    dies before it published, the workers find it due in the ledger a little later.

    Args:
        ledger: Keeps events.
        queue: Takes them to the workers.
        observer: Is told when the queue is away.
        new_receipt: Makes the id of a queue's message, a new one each time.
    """

    def __init__(
        self, ledger: Ledger, queue: Queue, observer: Observer, *, new_receipt: Callable[[], str]
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._observer = observer
        self._new_receipt = new_receipt
        self._unpublished: deque[Parcel] = deque()
        self._arrived = asyncio.Event()

    async def take(
        self,
        events: Sequence[Event],
        *,
        kinship: Callable[[Event], Kinship | None] = lambda _: None,
    ) -> Taken:
        """Return once every event is durable; the same id again is a duplicate.

        Args:
            events: What happened.
            kinship: What each has in common with a twin; by default, none has one.

        Raises:
            StoreUnavailable: The ledger did not take all of them; those it took are
                duplicates when they are sent again.
        """
        accepting = [
            self._ledger.accept(event, receipt=self._new_receipt(), kinship=kinship(event))
            for event in events
        ]
        if len(accepting) == 1:  # the usual case; a task of its own would cost as much again
            answers = [await accepting[0]]
        else:
            answers = await asyncio.gather(*accepting)
        parcels = [answer for answer in answers if isinstance(answer, Parcel)]
        self._unpublished.extend(parcels[: _MOST_WAITING - len(self._unpublished)])
        self._arrived.set()
        return Taken(len(parcels), len(answers) - len(parcels))

    async def run(self) -> None:
        """Publish what was taken in, for ever, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            try:
                await self.publish()
                await asyncio.sleep(_FOLLOWERS)
            except Exception as error:  # noqa: BLE001 - the ledger still has it, and we go on
                self._observer.waiting("queue", error)
                self._unpublished.clear()
                await asyncio.sleep(_PAUSE)

    async def publish(self) -> None:
        """Publish what waits now.

        Raises:
            StoreUnavailable: The queue or the ledger is away.
        """
        while self._unpublished:
            number = min(len(self._unpublished), _MOST_AT_ONCE)
            parcels = [self._unpublished.popleft() for _ in range(number)]
            await self._queue.publish(parcels)
            await self._ledger.queued(parcels)
