"""How an installation goes, as a person reads it, and as a program does."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from dispatcher.cli import output
from dispatcher.delivery import Totals
from dispatcher.policy_wire import timestamp
from dispatcher.stories import wire
from dispatcher.stories.times import clock_time, relative
from dispatcher.workforce import Standing, WorkerReport, relays_of

_OUTCOMES: Final = ("sent", "skipped", "deferred", "dead")
_LATE: Final = 60.0
"""Seconds after which what waits is worth a colour."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How it goes at one time.

    Args:
        at: When.
        queues: Queue → messages that wait there; empty where the broker does not say.
        totals: What became of all events.
        workers: The workers that spoke within the last half minute.
        standing: How much waits.
    """

    at: datetime
    queues: Mapping[str, int]
    totals: Totals
    workers: Sequence[WorkerReport]
    standing: Standing

    @property
    def rates(self) -> Mapping[str, float]:
        """Return how many per second all workers bring to each outcome."""
        rates: Counter[str] = Counter()
        for worker in self.workers:
            rates.update(worker.rates)
        return {outcome: rates[outcome] for outcome in _OUTCOMES}


def view(seen: Snapshot) -> RenderableType:
    """Return it for a person."""
    return Group(
        Text(f"dispatcher, {clock_time(seen.at)}", style="bold"),
        Text(),
        output.grid(("outcome", ">per second", ">in all"), _outcomes(seen)),
        Text(),
        output.grid(("waiting", ">"), _waiting(seen)),
        Text(),
        _relays(seen),
        Text(),
        _workers(seen),
    )


def away(error: Exception, at: datetime) -> RenderableType:
    """Return what is shown while the store is away."""
    return Group(
        Text(f"dispatcher, {clock_time(at)}", style="bold"),
        output.bad(f"The store does not answer: {error}. This looks again until it does."),
    )


def document(seen: Snapshot) -> dict[str, Any]:
    """Return it for a program."""
    return {
        "at": timestamp(seen.at),
        "queues": dict(seen.queues),
        "totals": wire.totals(seen.totals),
        "rates": {outcome: round(rate, 2) for outcome, rate in seen.rates.items()},
        "standing": {
            "open": seen.standing.open,
            "late_seconds": round(seen.standing.late, 3),
            "dead_letters": seen.standing.letters,
        },
        "relays": [asdict(relay) for relay in relays_of(seen.workers)],
        "workers": [_worker(worker) for worker in seen.workers],
    }


def _worker(worker: WorkerReport) -> dict[str, Any]:
    return {
        "name": worker.name,
        "version": worker.version,
        "started_at": timestamp(worker.started_at),
        "reported_at": timestamp(worker.reported_at),
        "in_flight": worker.in_flight,
        "concurrency": worker.concurrency,
        "rates": dict(worker.rates),
    }


def _outcomes(seen: Snapshot) -> Iterable[Sequence[str | Text]]:
    totals = seen.totals
    counted = {"sent": totals.sent, "skipped": totals.skipped, "dead": totals.dead}
    for outcome, rate in seen.rates.items():
        in_all = f"{counted[outcome]:,}" if outcome in counted else ""
        yield output.state(outcome), f"{rate:,.1f}", in_all
    yield Text("accepted", style="bold"), "", f"{totals.accepted:,}"


def _waiting(seen: Snapshot) -> Iterable[Sequence[str | Text]]:
    for queue, messages in seen.queues.items():
        yield f"on the queue {queue}", f"{messages:,}"
    standing = seen.standing
    late = f"{standing.late:,.0f} s"
    yield "open deliveries", f"{standing.open:,}"
    yield "the one that is due longest", output.bad(late) if standing.late > _LATE else late
    letters = f"{standing.letters:,}"
    yield "dead letters", output.bad(letters) if standing.letters else letters


def _relays(seen: Snapshot) -> RenderableType:
    relays = relays_of(seen.workers)
    if not relays:
        return output.faint("No worker tells of a relay.")
    rows = [
        (
            relay.name,
            output.bad(f"away: {relay.reason}") if relay.away else output.good("takes mail"),
            str(relay.workers),
            str(relay.busy),
            str(relay.idle),
            f"{relay.waiting:,}",
        )
        for relay in relays
    ]
    return output.grid(("relay", "state", ">workers", ">busy", ">idle", ">waiting"), rows)


def _workers(seen: Snapshot) -> RenderableType:
    if not seen.workers:
        return output.bad("No worker has said anything for half a minute: dispatcher worker")
    rows = [
        (
            worker.name,
            f"{worker.in_flight} of {worker.concurrency}",
            *(f"{worker.rates.get(outcome, 0.0):,.1f}" for outcome in _OUTCOMES),
            worker.version,
            relative(worker.started_at, seen.at),
        )
        for worker in seen.workers
    ]
    rates = (f">{outcome}/s" for outcome in _OUTCOMES)
    return output.grid(("worker", ">in flight", *rates, "version", "up since"), rows)
