"""One process among its fellows: it counts, and shows what it counted and how it is."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from dispatcher.adapters.mail.relays import RelayState
from dispatcher.adapters.monitoring.vitals import Role, Vitals
from dispatcher.adapters.observers.company import Company
from dispatcher.adapters.observers.exposition import exposition
from dispatcher.adapters.observers.gauges import RelayFigures, process_gauges, relay_gauges
from dispatcher.adapters.observers.log import LogObserver
from dispatcher.adapters.observers.metrics import OWN, MetricsObserver


@dataclass(frozen=True, slots=True)
class Part:
    """Which part a process has.

    Args:
        name: Its name; a second one of that name gets a number.
        role: What it is there for.
        reason: Returns why it does not do that now, or "".
        canary: Returns how many seconds the last canary was on its way, or None.
        backlog: Returns how many messages wait on each queue, after a second at most; None where
            it may not ask.
        tells_tokens: Whether it may look for the token that ends first.
    """

    name: str
    role: Role
    reason: Callable[[], str] = lambda: ""
    canary: Callable[[], float | None] = lambda: None
    backlog: Callable[[], Mapping[str, int]] | None = None
    tells_tokens: bool = False


class Member:
    """Shows one process: its observer counts, the rest is read from where it is kept.

    Args:
        part: Which part it has.
        log_rate: Most lines per second about deliveries alike: see ``LogObserver``.
    """

    def __init__(self, part: Part, *, log_rate: int = 0) -> None:
        self.part = part
        self.name = part.name
        self.answers_at: Callable[[], tuple[str, ...]] = lambda: ()
        self._metrics = MetricsObserver()
        self._states: Callable[[], Iterable[RelayState]] = lambda: ()
        self._in_flight: Callable[[], int] | None = None
        self.observer = Company(LogObserver(log_rate), self._metrics)

    def watch(
        self,
        relays: Collection[str],
        states: Callable[[], Iterable[RelayState]],
        in_flight: Callable[[], int],
    ) -> None:
        """Show how mail gets on, too.

        Args:
            relays: The names of the instance's relays; organizations' own are shown as one.
            states: Returns how each relay is doing.
            in_flight: Returns how many events are being worked on.
        """
        self._metrics.relays = frozenset(relays)
        self._states, self._in_flight = states, in_flight

    def vitals(self) -> Vitals:
        """Return how the process is."""
        reason = self.part.reason()
        return Vitals(
            self.name,
            self.part.role,
            os.getpid(),
            ready=not reason,
            reason=reason,
            answers_at=self.answers_at(),
        )

    def figures(self, accept: str) -> bytes:
        """Return the process's metrics as text, in the form that *accept* asks for."""
        return exposition(self._collect(), accept, process=self.name)

    def _collect(self) -> Iterable[Metric]:
        yield from self._metrics.collect()
        yield from relay_gauges(map(self._shown, self._states()), time.time())
        yield from process_gauges(
            in_flight=self._in_flight, reason=self.part.reason(), canary=self.part.canary()
        )

    def _shown(self, state: RelayState) -> RelayFigures:
        counts = state.connections
        return RelayFigures(
            state.relay if state.relay in self._metrics.relays else OWN,
            state.away,
            {"busy": counts.busy, "idle": counts.idle, "opening": counts.opening},
            state.certificate_ends,
        )
