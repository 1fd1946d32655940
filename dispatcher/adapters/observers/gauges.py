"""Figures that are kept elsewhere: read when somebody asks, never noted on a mail's way."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import PROCESS_COLLECTOR
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from dispatcher import __version__


@dataclass(frozen=True, slots=True)
class RelayFigures:
    """How a relay is doing.

    Args:
        relay: Its name, or ``own`` for an organization's.
        is_away: Whether its breaker is open.
        connections: State → how many connections are in it.
        certificate_ends: When its certificate ends, in seconds since 1970; None where it has none.
    """

    relay: str
    is_away: bool
    connections: dict[str, int]
    certificate_ends: float | None = None


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What the store says of the whole installation; None where this process may not ask.

    Args:
        accepted: Events ever accepted.
        unfinished: Deliveries without an outcome yet.
        oldest_due: Seconds that the one due longest is late; 0 where none is.
        dead_letters: Dead letters kept for a person.
        uncertain: Claims that ended without a record: mails that may have gone out twice.
        token_ends: Seconds until the token ends that ends first; None where none will.
        backlog: Queue → messages that wait.
    """

    accepted: int | None = None
    unfinished: int | None = None
    oldest_due: float | None = None
    dead_letters: int | None = None
    uncertain: int | None = None
    token_ends: float | None = None
    backlog: dict[str, int] | None = None


def relay_gauges(relays: Iterable[RelayFigures], now: float) -> Iterable[Metric]:
    """Return relays' states; several of one name, as organizations' own are, count as one."""
    connections = GaugeMetricFamily(
        "dispatcher_smtp_connections", "Connections to a relay.", labels=("relay", "state")
    )
    breakers = GaugeMetricFamily(
        "dispatcher_breaker_open", "1 while a relay takes nothing.", labels=("relay",)
    )
    certificates = GaugeMetricFamily(
        "dispatcher_certificate_expiry_seconds",
        "Seconds until a relay's certificate ends, as it was seen last.",
        labels=("relay",),
    )
    for name, (figures, *others) in _by_name(relays).items():
        for state in figures.connections:
            total = sum(each.connections[state] for each in (figures, *others))
            connections.add_metric((name, state), total)
        breakers.add_metric((name,), any(each.is_away for each in (figures, *others)))
        ends = [end for each in (figures, *others) if (end := each.certificate_ends) is not None]
        if ends:
            certificates.add_metric((name,), min(ends) - now)
    return connections, breakers, certificates


def process_gauges(
    *, in_flight: Callable[[], int] | None, reason: str, canary: float | None
) -> Iterable[Metric]:
    """Return how one process is.

    Args:
        in_flight: Counts the events it works on; None where it works on none.
        reason: Why it is not ready, or "".
        canary: Seconds that the last canary needed, None where there was none.
    """
    yield from PROCESS_COLLECTOR.collect()
    build = GaugeMetricFamily("dispatcher_build_info", "Which version.", labels=("version",))
    build.add_metric((__version__,), 1)
    yield build
    yield GaugeMetricFamily(
        "dispatcher_ready", "1 while the process does what it is there for.", value=not reason
    )
    if in_flight is not None:
        yield GaugeMetricFamily(
            "dispatcher_in_flight", "Events that are being worked on.", value=in_flight()
        )
    if canary is not None:
        yield GaugeMetricFamily(
            "dispatcher_canary_seconds",
            "Seconds that the last canary took from the broker to the store.",
            value=canary,
        )


def store_gauges(store: StoreFigures | None) -> Iterable[Metric]:
    """Return the installation's figures; None says that the store did not answer."""
    yield GaugeMetricFamily(
        "dispatcher_store_up", "1 if the store answered just now.", value=store is not None
    )
    if store is None:
        return
    for name, told, value in (
        ("unfinished", "Deliveries without an outcome yet.", store.unfinished),
        ("oldest_due_seconds", "Seconds that the delivery due longest is late.", store.oldest_due),
        ("dead_letters", "Dead letters kept for a person.", store.dead_letters),
        ("token_expiry_seconds", "Seconds until the next API token ends.", store.token_ends),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"dispatcher_{name}", told, value=value)
    for name, told, value in (
        ("accepted", "Events ever accepted.", store.accepted),
        ("uncertain", "Claims that ended without a record.", store.uncertain),
    ):
        if value is not None:
            yield CounterMetricFamily(f"dispatcher_{name}", told, value=value)
    if store.backlog is not None:
        backlog = GaugeMetricFamily(
            "dispatcher_backlog", "Messages that wait on a queue.", labels=("queue",)
        )
        for queue, number in store.backlog.items():
            backlog.add_metric((queue,), number)
        yield backlog


def _by_name(relays: Iterable[RelayFigures]) -> dict[str, Sequence[RelayFigures]]:
    found: dict[str, list[RelayFigures]] = {}
    for figures in relays:
        found.setdefault(figures.relay, []).append(figures)
    return dict(found)
