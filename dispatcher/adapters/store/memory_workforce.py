"""The workers in memory: for tests and trials."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from dispatcher.delivery import DeliveryFilter
from dispatcher.ports import Clock, DeliveryLog
from dispatcher.workforce import Counts, Standing, Window, WorkerReport

_ALIVE: Final = timedelta(seconds=30)
_ALL: Final = 1_000_000


class MemoryWorkforce:
    """Knows the workers, and what they lately did.

    Args:
        clock: Tells whose word still counts.
        log: Knows how much waits.
    """

    def __init__(self, clock: Clock, log: DeliveryLog) -> None:
        self._clock = clock
        self._log = log
        self._said: dict[str, tuple[WorkerReport, datetime]] = {}
        self._done: dict[tuple[str, datetime], Counter[str]] = {}

    async def report(self, worker: WorkerReport, done: Mapping[str, Counts]) -> None:
        """Take a worker's word, which counts for half a minute."""
        self._said[worker.name] = worker, self._clock.now() + _ALIVE
        for org_id, counts in done.items():
            for owner in {org_id, ""}:
                self._done.setdefault((owner, worker.reported_at), Counter()).update(counts)

    async def leave(self, name: str) -> None:
        """Forget a worker: it has stopped."""
        self._said.pop(name, None)

    async def workers(self) -> Sequence[WorkerReport]:
        """Return what the living workers said last, by their names."""
        now = self._clock.now()
        return [said for _, (said, until) in sorted(self._said.items()) if now < until]

    async def lately(self, org_id: str, window: Window, now: datetime) -> Sequence[Counts]:
        """Return what was done in each step of a window; for an organization, or "" for all."""
        starts = window.steps_until(now)
        steps = [Counter[str]() for _ in starts]
        for (owner, at), counts in self._done.items():
            step = (at - starts[0]) // window.step
            if owner == org_id and 0 <= step < len(steps):
                steps[step].update(counts)
        return [dict(counts) for counts in steps]

    async def standing(self) -> Standing:
        """Return how much waits."""
        now, known = self._clock.now(), await self._log.deliveries(DeliveryFilter(), limit=_ALL)
        dues = [one.due_at for one in known if one.due_at is not None]
        late = max(((now - due).total_seconds() for due in dues), default=0.0)
        return Standing(len(dues), max(late, 0.0), sum(one.is_letter for one in known))
