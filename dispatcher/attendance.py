"""A worker's attendance: it reports itself for as long as it works."""

import math
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from dispatcher import __version__
from dispatcher.adapters.mail.relays import RelayState
from dispatcher.adapters.observers.tally import TallyObserver
from dispatcher.beside import beside
from dispatcher.ports import Clock, Observer
from dispatcher.reporting import Reporter
from dispatcher.workforce import RelayReport, WorkerReport, Workforce


@asynccontextmanager
async def attending(
    workforce: Workforce,
    tally: TallyObserver,
    clock: Clock,
    observer: Observer,
    *,
    concurrency: int,
    in_flight: Callable[[], int],
    relays: Callable[[], Iterable[RelayState]],
) -> AsyncIterator[None]:
    """Report this process every few seconds while the context is open, and its leaving in the end.

    Args:
        workforce: Takes the reports.
        tally: Knows what was done.
        clock: Tells the time.
        observer: Is told when the store is away.
        concurrency: Most events in flight.
        in_flight: Returns how many are.
        relays: Returns how the relays are.
    """
    now = clock.now()
    itself = WorkerReport(
        f"{socket.gethostname()}/{os.getpid()}", __version__, now, now, concurrency
    )
    reporter = Reporter(
        workforce,
        tally,
        itself,
        in_flight=in_flight,
        relays=lambda: [_relay(state) for state in relays()],
        clock=clock,
        observer=observer,
    )
    async with beside(reporter.run(), "reporting"):
        yield


def _relay(state: RelayState) -> RelayReport:
    counts = state.connections
    return RelayReport(
        state.relay,
        away=state.away,
        reason=state.reason,
        busy=counts.busy,
        idle=counts.idle,
        waiting=counts.waiting,
        rate=None if math.isinf(state.rate) else round(state.rate, 1),
    )
