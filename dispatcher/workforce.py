"""The workers at work: what each says of itself, and what all lately did.

Values and ports. Nothing here decides anything: it is for people who look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RelayReport:
    """How a worker gets on with a relay.

    Args:
        name: ``host:port``.
        away: Whether its breaker is open.
        reason: What was wrong when it opened; "" while it is closed.
        busy: Connections with a message under way.
        idle: Connections without.
        waiting: Messages that wait for one.
        rate: Most messages per second that it gets; None for as many as it takes.
    """

    name: str
    away: bool = False
    reason: str = ""
    busy: int = 0
    idle: int = 0
    waiting: int = 0
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker process says of itself.

    Args:
        name: ``host/pid``, unlike every other's.
        version: Of this package.
        started_at: When it began.
        reported_at: When it said this.
        concurrency: Most events in flight.
        in_flight: Events in flight.
        rates: Outcome → how many per second since it last said something.
        relays: Its relays, the instance's first.
    """

    name: str
    version: str
    started_at: datetime
    reported_at: datetime
    concurrency: int
    in_flight: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    relays: tuple[RelayReport, ...] = ()


@dataclass(frozen=True, slots=True)
class RelayStanding:
    """How all workers get on with one relay.

    Args:
        name: ``host:port``.
        workers: How many use it.
        away: For how many of them its breaker is open.
        reason: What was wrong, as one of these says.
        busy: Connections with a message under way.
        idle: Connections without.
        waiting: Messages that wait for one.
    """

    name: str
    workers: int
    away: int
    reason: str
    busy: int
    idle: int
    waiting: int


def relays_of(workers: Sequence[WorkerReport]) -> Sequence[RelayStanding]:
    """Return each relay as all workers see it, in the order of preference."""
    names = dict.fromkeys(relay.name for worker in workers for relay in worker.relays)
    found = []
    for name in names:
        seen = [relay for worker in workers for relay in worker.relays if relay.name == name]
        found.append(
            RelayStanding(
                name,
                workers=len(seen),
                away=sum(relay.away for relay in seen),
                reason=next((relay.reason for relay in seen if relay.away), ""),
                busy=sum(relay.busy for relay in seen),
                idle=sum(relay.idle for relay in seen),
                waiting=sum(relay.waiting for relay in seen),
            )
        )
    return found


class Window(Enum):
    """How far back, in steps of how long; both in seconds."""

    HOUR = (3_600, 60)
    DAY = (86_400, 900)

    @property
    def length(self) -> timedelta:
        """Return how far back it goes."""
        return timedelta(seconds=self.value[0])

    @property
    def step(self) -> timedelta:
        """Return how long a step is."""
        return timedelta(seconds=self.value[1])

    def steps_until(self, now: datetime) -> Sequence[datetime]:
        """Return when each step began, the oldest first, the one that is under way last."""
        length, step = self.value
        last = int(now.timestamp()) // step * step
        first = last - length + step
        return [datetime.fromtimestamp(at, now.tzinfo) for at in range(first, last + 1, step)]


Counts = Mapping[str, int]
"""Outcome (``sent``, ``skipped``, ``deferred``, ``dead``) → how many."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much waits.

    Args:
        open: Deliveries without an outcome: claimed, queued, deferred.
        late: Seconds for which the one that waits longest could have been worked on; 0 while none
            is late.
        letters: Dead letters.
    """

    open: int
    late: float
    letters: int


class Workforce(Protocol):
    """Knows the workers, and what they lately did.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def report(self, worker: WorkerReport, done: Mapping[str, Counts]) -> None:
        """Take a worker's word, which counts for half a minute.

        Args:
            worker: What it says of itself.
            done: What it did since its last word, by organization.
        """
        ...

    async def leave(self, name: str) -> None:
        """Forget a worker: it has stopped."""
        ...

    async def workers(self) -> Sequence[WorkerReport]:
        """Return what the living workers said last, by their names."""
        ...

    async def lately(self, org_id: str, window: Window, now: datetime) -> Sequence[Counts]:
        """Return what was done in each step of a window; for an organization, or "" for all."""
        ...

    async def standing(self) -> Standing:
        """Return how much waits."""
        ...
