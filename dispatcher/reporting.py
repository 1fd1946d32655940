"""A worker's reports of itself: that it lives, what it does, how its relays are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Clock, Observer
from dispatcher.workforce import Counts, RelayReport, WorkerReport, Workforce

_BETWEEN: Final = 5.0
"""Seconds between two reports."""


class Tally(Protocol):
    """Counts outcomes by organization."""

    def take(self) -> Mapping[str, Counts]:
        """Return the counts since somebody asked last, and begin anew."""
        ...

    def put_back(self, counts: Mapping[str, Counts]) -> None:
        """Count what was taken and came nowhere."""
        ...


@dataclass(slots=True)
class Reporter:
    """Reports a worker, for people who look; nothing depends on it.

    Args:
        workforce: Takes the reports.
        tally: Knows what was done.
        itself: What does not change of the worker.
        in_flight: Returns how many events are in flight.
        relays: Returns how its relays are.
        clock: Tells the time.
        observer: Is told when the store is away.
    """

    workforce: Workforce
    tally: Tally
    itself: WorkerReport
    in_flight: Callable[[], int]
    relays: Callable[[], Sequence[RelayReport]]
    clock: Clock
    observer: Observer
    _reported_at: datetime | None = field(default=None, init=False)

    async def run(self) -> None:
        """Go on for ever, until cancelled; then say what is left, and leave."""
        try:
            while True:
                await self.report()
                await asyncio.sleep(_BETWEEN)
        finally:
            await self._leave()

    async def report(self) -> None:
        """Report once; what the store does not take is told next time."""
        now, done = self.clock.now(), self.tally.take()
        try:
            await self.workforce.report(self._said(now, done), done)
        except StoreUnavailable as error:
            self.tally.put_back(done)
            self.observer.waiting("workers' reports", error)
        else:
            self._reported_at = now

    def _said(self, now: datetime, done: Mapping[str, Counts]) -> WorkerReport:
        seconds = (now - (self._reported_at or self.itself.started_at)).total_seconds()
        sums: Counter[str] = Counter()
        for outcomes in done.values():
            sums.update(outcomes)
        return replace(
            self.itself,
            reported_at=now,
            in_flight=self.in_flight(),
            rates={outcome: round(count / max(seconds, 1.0), 2) for outcome, count in sums.items()},
            relays=tuple(self.relays()),
        )

    async def _leave(self) -> None:
        try:
            await self.report()
            await self.workforce.leave(self.itself.name)
        except StoreUnavailable as error:  # it is forgotten by itself, soon
            self.observer.waiting("workers' reports", error)
