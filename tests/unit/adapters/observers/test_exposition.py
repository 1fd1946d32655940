"""Several processes' figures are one text that Prometheus reads, in both of its forms."""

from collections.abc import Callable, Iterable

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from prometheus_client.samples import Sample

from dispatcher.adapters.observers.exposition import exposition, media_type, merged
from dispatcher.adapters.observers.gauges import (
    RelayFigures,
    StoreFigures,
    process_gauges,
    relay_gauges,
    store_gauges,
)
from dispatcher.adapters.observers.metrics import MetricsObserver
from dispatcher.delivery import Observed, Report, Sent

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
FORMS: list[tuple[str, Callable[[str], Iterable[Metric]]]] = [
    (OPEN, open_metrics),
    ("text/plain", plain_text),
    ("", plain_text),
]
STORE = StoreFigures(
    accepted=7,
    unfinished=2,
    oldest_due=1.5,
    dead_letters=1,
    uncertain=0,
    token_ends=60.0,
    backlog={"notifications": 5, "policies": 0},
)


def one_process(name: str, accept: str, mails: int) -> bytes:
    observer, trace_id = MetricsObserver(), "0af7651916cd43dd8448eb211c80319c"
    ended = Observed("acme", "e-1", Report(Sent(), "password_change"), 2.0, trace_id=trace_id)
    for _ in range(mails):
        observer.finished(ended)
    gauges = process_gauges(in_flight=lambda: mails, reason="", canary=0.002)
    return exposition([*observer.collect(), *gauges], accept, process=name)


def samples(metrics: Iterable[Metric], name: str) -> list[Sample]:
    return [each for metric in metrics for each in metric.samples if each.name == name]


@pytest.mark.parametrize(("accept", "parse"), FORMS, ids=["open metrics", "text", "unsaid"])
def test_figures_of_several_processes_are_one_text(
    accept: str, parse: Callable[[str], Iterable[Metric]]
) -> None:
    texts = [one_process("one", accept, 1), one_process("two", accept, 2)]
    whole = merged([*texts, exposition(store_gauges(STORE), accept)])

    metrics = list(parse(whole.decode()))

    sent = samples(metrics, "dispatcher_deliveries_total")
    assert {each.labels["process"]: each.value for each in sent} == {"one": 1, "two": 2}
    assert [each.value for each in samples(metrics, "dispatcher_in_flight")] == [1, 2]
    backlog = samples(metrics, "dispatcher_backlog")
    assert [each.labels for each in backlog] == [{"queue": "notifications"}, {"queue": "policies"}]
    names = [metric.name for metric in metrics]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.endswith("_created")]


def test_exemplars_survive_where_they_are_understood() -> None:
    whole = merged([one_process("one", OPEN, 1), one_process("two", OPEN, 1)])
    buckets = samples(open_metrics(whole.decode()), "dispatcher_delivery_seconds_bucket")  # type: ignore[no-untyped-call] # theirs
    assert sum(each.exemplar is not None for each in buckets) == 2
    assert media_type(OPEN).startswith("application/openmetrics-text")
    assert b"trace_id" not in one_process("one", "text/plain", 1)


def test_nothing_is_one_text_too() -> None:
    assert merged([]) == b""
    assert merged([exposition([], OPEN)]) == b"# EOF\n"


def test_without_its_store_an_installation_tells_only_that() -> None:
    assert [each.value for metric in store_gauges(None) for each in metric.samples] == [0]


def test_what_a_process_may_not_ask_is_absent() -> None:
    told = {metric.name for metric in store_gauges(StoreFigures(accepted=1))}
    assert told == {"dispatcher_store_up", "dispatcher_accepted"}


def test_relays_of_organizations_are_told_of_as_one() -> None:
    counts = {"busy": 1, "idle": 2, "opening": 0}
    figures = [
        RelayFigures("relay:25", is_away=False, connections=counts),
        RelayFigures("own", is_away=False, connections=counts, certificate_ends=2000.0),
        RelayFigures("own", is_away=True, connections=counts, certificate_ends=1500.0),
    ]
    metrics = list(relay_gauges(figures, now=1000.0))
    connections = samples(metrics, "dispatcher_smtp_connections")
    assert {(s.labels["relay"], s.labels["state"]): s.value for s in connections} == {
        ("relay:25", "busy"): 1,
        ("relay:25", "idle"): 2,
        ("relay:25", "opening"): 0,
        ("own", "busy"): 2,
        ("own", "idle"): 4,
        ("own", "opening"): 0,
    }
    breakers = samples(metrics, "dispatcher_breaker_open")
    assert {each.labels["relay"]: each.value for each in breakers} == {"relay:25": 0, "own": 1}
    (certificate,) = samples(metrics, "dispatcher_certificate_expiry_seconds")
    assert (certificate.labels["relay"], certificate.value) == ("own", 500.0)
