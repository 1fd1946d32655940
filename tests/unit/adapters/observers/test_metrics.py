"""What is counted, under which labels, and with which traces."""

from collections import Counter
from typing import Any

from prometheus_client import Counter as CounterMetric
from prometheus_client.samples import Sample

from dispatcher.adapters.observers.bounded import Bounded
from dispatcher.adapters.observers.metrics import MetricsObserver
from dispatcher.delivery import (
    Attempt,
    DeferReason,
    Deferred,
    Observed,
    Outcome,
    Report,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.policy import Effect, Policy, Written
from tests.builders import NOON


def walk(
    outcome: Outcome,
    *,
    relay: str | None = None,
    result: str = "sent",
    trigger: str = "password_change",
    seconds: float = 0.02,
    fenced: bool = False,
    trace_id: str = "",
) -> Observed:
    attempt = None if relay is None else Attempt(1, NOON, 0.01, result, relay)
    report = Report(outcome, trigger, attempt=attempt)
    return Observed("acme", "e-1", report, seconds, fenced, trace_id)


def samples(observer: MetricsObserver, name: str) -> list[Sample]:
    return [each for metric in observer.collect() for each in metric.samples if each.name == name]


def counts(observer: MetricsObserver, name: str, *labels: str) -> dict[tuple[Any, ...], float]:
    found: Counter[tuple[Any, ...]] = Counter()
    for each in samples(observer, name):
        found[tuple(each.labels[label] for label in labels)] += int(each.value)
    return dict(found)


def test_walks_are_counted_by_how_they_ended() -> None:
    observer = MetricsObserver()
    for outcome in (
        Sent(),
        Sent(),
        Skipped(SkipReason.POLICY_OFF),
        Deferred(DeferReason.TEMPORARY, 5),
    ):
        observer.finished(walk(outcome))
    observer.finished(walk(Skipped(SkipReason.DUPLICATE), trigger=""))

    assert counts(observer, "dispatcher_deliveries_total", "trigger", "outcome", "reason") == {
        ("password_change", "sent", ""): 2,
        ("password_change", "skipped", "policy_off"): 1,
        ("password_change", "deferred", "temporary"): 1,
        ("none", "skipped", "duplicate"): 1,
    }


def test_only_what_was_sent_has_a_time() -> None:
    observer = MetricsObserver()
    for outcome in (Sent(), Skipped(SkipReason.POLICY_OFF)):
        observer.finished(walk(outcome, seconds=0.02))
    name = "dispatcher_delivery_seconds"
    assert counts(observer, f"{name}_count", "trigger") == {("password_change",): 1}
    assert [
        s.value for s in samples(observer, f"{name}_bucket") if s.labels["le"] in {"0.01", "0.025"}
    ] == [
        0,
        1,
    ]


def test_relays_of_organizations_are_not_named() -> None:
    observer = MetricsObserver()
    observer.relays = {"relay:25"}
    for relay in ("relay:25", "smtp.acme.example:587", "smtp.acme.example:587#a1b2c3", ""):
        observer.finished(walk(Sent(), relay=relay))
    assert counts(observer, "dispatcher_attempts_total", "relay") == {
        ("relay:25",): 1,
        ("own",): 2,
        ("none",): 1,
    }


def test_a_walk_whose_record_was_refused_is_no_outcome_but_an_attempt() -> None:
    observer = MetricsObserver()
    observer.finished(walk(Sent(), relay="relay:25", fenced=True))
    assert counts(observer, "dispatcher_deliveries_total") == {}
    assert counts(observer, "dispatcher_fenced_total") == {(): 1}
    assert counts(observer, "dispatcher_attempts_total", "result") == {("sent",): 1}


def test_policy_updates_and_calls_are_counted_by_result() -> None:
    observer = MetricsObserver()
    policy = Policy("acme", {"passwordChange": True}, 1, NOON, NOON)
    observer.policy_written(Written(Effect.CREATED, policy))
    observer.policy_written(Written(Effect.UNCHANGED, policy))
    observer.policy_refused(ValueError())
    observer.received("native", "accepted", 3)
    observer.received("native", "accepted")
    assert counts(observer, "dispatcher_policy_updates_total", "result") == {
        ("created",): 1,
        ("unchanged",): 1,
        ("refused",): 1,
    }
    assert counts(observer, "dispatcher_ingress_total", "connection", "result") == {
        ("native", "accepted"): 4
    }


def exemplars(observer: MetricsObserver, name: str) -> list[dict[str, str]]:
    return [each.exemplar.labels for each in samples(observer, name) if each.exemplar]


def test_slow_mails_keep_their_trace_and_of_fast_ones_a_few_do() -> None:
    observer = MetricsObserver()
    for number in range(1, 1001):
        observer.finished(walk(Sent(), relay="relay:25", trace_id=f"{number:032x}"))
    [fast] = exemplars(observer, "dispatcher_delivery_seconds_bucket")
    assert int(fast["trace_id"], 16) < 1000, "not each is kept: that costs more than the walk"
    for number in range(2001, 2011):
        observer.finished(walk(Sent(), relay="relay:25", seconds=20.0, trace_id=f"{number:032x}"))
    assert {"trace_id": f"{2010:032x}"} in exemplars(observer, "dispatcher_delivery_seconds_bucket")
    assert exemplars(observer, "dispatcher_attempts_total") == [{"trace_id": f"{2010:032x}"}]


def test_a_walk_of_no_trace_leaves_none() -> None:
    observer = MetricsObserver()
    observer.finished(walk(Sent(), relay="relay:25", seconds=20.0))
    assert exemplars(observer, "dispatcher_delivery_seconds_bucket") == []


def test_without_a_trace_there_is_no_exemplar() -> None:
    observer = MetricsObserver()
    observer.finished(walk(Sent(), seconds=20.0))
    assert exemplars(observer, "dispatcher_delivery_seconds_bucket") == []


def test_labels_stay_few_whatever_comes() -> None:
    metric = CounterMetric("calls", "Calls.", ("connection", "result"), registry=None)
    bounded = Bounded(metric, most=3)
    for number in range(10):
        bounded.labels(f"c-{number}", "accepted").inc()
    found = {
        tuple(each.labels.values()): each.value
        for family in metric.collect()
        for each in family.samples
        if each.name == "calls_total"
    }
    assert found == {
        ("c-0", "accepted"): 1,
        ("c-1", "accepted"): 1,
        ("c-2", "accepted"): 1,
        ("other", "other"): 7,
    }
