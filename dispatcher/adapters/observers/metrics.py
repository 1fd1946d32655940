"""Outcomes as figures: counters and histograms of one process, for Prometheus.

What is counted here is counted per event, so it is counted by children that are looked up once per
set of labels. Everything else is read from where it is kept, when somebody asks: see ``gauges.py``.
"""

from collections.abc import Collection, Iterable
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric

from dispatcher.adapters.observers.bounded import Bounded
from dispatcher.adapters.observers.words import words
from dispatcher.delivery import Attempt, Observed, Sent
from dispatcher.policy import Written

OWN: Final = "own"
"""What stands for every relay of an organization's own: its name would tell whose it is."""

NONE: Final = "none"
"""What stands for a kind of mail that is not known yet, or a relay that was not reached."""

_SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0),
)
"""From what an idle dispatcher needs to a day, after which an event is dead by default."""

_SLOW: Final = 1.0
_BETWEEN_EXEMPLARS: Final = 0.1
"""Seconds. A scrape takes the last exemplar of each bucket: one of a thousand mails is enough."""

Exemplar = dict[str, str] | None


class MetricsObserver:
    """Counts every outcome.

    Attributes:
        relays: The names of the instance's relays; every other one counts as ``own``.
    """

    def __init__(self) -> None:
        self.relays: Collection[str] = frozenset()
        self._exemplar_due = 0.0
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self._deliveries = Bounded(
            Counter(
                "dispatcher_deliveries",
                "Walks of events by how they ended.",
                ("trigger", "outcome", "reason"),
                registry=registry,
            )
        )
        self._seconds = Bounded(
            Histogram(
                "dispatcher_delivery_seconds",
                "Seconds from an event's acceptance to the relay's.",
                ("trigger",),
                buckets=_SECONDS,
                registry=registry,
            )
        )
        self._attempts = Bounded(
            Counter(
                "dispatcher_attempts",
                "Tries to hand a mail to a relay by how they ended.",
                ("relay", "result"),
                registry=registry,
            )
        )
        self._fenced = Counter(
            "dispatcher_fenced",
            "Walks whose record was refused, for another worker had taken over.",
            registry=registry,
        )
        self._policy_updates = Bounded(
            Counter(
                "dispatcher_policy_updates",
                "Updates of policies by what they did.",
                ("result",),
                registry=registry,
            )
        )
        self._ingress = Bounded(
            Counter(
                "dispatcher_ingress",
                "What came in by a connection, by what became of it.",
                ("connection", "result"),
                registry=registry,
            )
        )

    def finished(self, delivery: Observed) -> None:
        """Count one walk, and its attempt; how long a mail took, if it was sent."""
        report = delivery.report
        exemplar = self._exemplar(delivery)
        attempt = report.attempt
        if attempt is not None:
            self._attempts.labels(self._relay(attempt), attempt.result).inc(1.0, exemplar)
        if delivery.fenced:  # the outcome that counts is somebody else's
            self._fenced.inc()
            return
        trigger = report.trigger or NONE
        self._deliveries.labels(trigger, *words(report.outcome)).inc()
        if type(report.outcome) is Sent:
            self._seconds.labels(trigger).observe(delivery.seconds, exemplar)

    def policy_written(self, written: Written) -> None:
        """Count a policy update."""
        self._policy_updates.labels(written.effect.value).inc()

    def policy_refused(self, error: Exception) -> None:
        """Count a policy update that was refused."""
        del error
        self._policy_updates.labels("refused").inc()

    def relay_changed(self, relay: str, reason: str) -> None:
        """Do nothing: how relays are is asked of them."""

    def waiting(self, what: str, error: Exception) -> None:
        """Do nothing: what is away shows in what is asked of it."""

    def received(self, connection: str, result: str, count: int = 1) -> None:
        """Count what came in."""
        self._ingress.labels(connection, result).inc(count)

    def collect(self) -> Iterable[Metric]:
        """Return what was counted."""
        return self._registry.collect()

    def _exemplar(self, delivery: Observed) -> Exemplar:
        """Return the trace to look at: of every slow walk, and of a few of the others."""
        if not delivery.trace_id:
            return None
        now = monotonic()
        if now < self._exemplar_due and delivery.seconds < _SLOW:
            return None
        self._exemplar_due = now + _BETWEEN_EXEMPLARS
        return {"trace_id": delivery.trace_id}

    def _relay(self, attempt: Attempt) -> str:
        relay = attempt.relay
        return relay if relay in self.relays else OWN if relay else NONE
