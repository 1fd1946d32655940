"""What every observer is like: it takes whatever it is told, and never raises."""

from collections.abc import Callable
from itertools import product

import pytest

from dispatcher.adapters.observers.company import Company
from dispatcher.adapters.observers.log import LogObserver
from dispatcher.adapters.observers.metrics import MetricsObserver
from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
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
from dispatcher.ports import Observer
from tests.builders import NOON, Witness

OUTCOMES: list[Outcome] = [
    Sent(),
    *(Skipped(reason) for reason in SkipReason),
    *(Deferred(reason, 5.0) for reason in DeferReason),
    *(Dead(reason) for reason in DeadReason),
]
ATTEMPTS = [
    None,
    Attempt(1, NOON, 0.01, "sent", "relay:25", "final", 250),
    Attempt(2, NOON, 0.01, "temporary"),
]


class Broken:
    """An observer that must not be like this."""

    def finished(self, delivery: Observed) -> None:
        raise ZeroDivisionError(delivery)

    def policy_written(self, written: Written) -> None:
        raise ZeroDivisionError(written)

    def policy_refused(self, error: Exception) -> None:
        raise ZeroDivisionError(error)

    def relay_changed(self, relay: str, reason: str) -> None:
        raise ZeroDivisionError(relay, reason)

    def waiting(self, what: str, error: Exception) -> None:
        raise ZeroDivisionError(what, error)

    def received(self, connection: str, result: str, count: int = 1) -> None:
        raise ZeroDivisionError(connection, result, count)


def tell_everything(observer: Observer) -> None:
    for outcome, attempt, fenced in product(OUTCOMES, ATTEMPTS, (False, True)):
        for trigger in ("", "password_change"):
            report = Report(outcome, trigger, attempt=attempt)
            observer.finished(Observed("acme", "e-1", report, 0.01, fenced))
    policy = Policy("acme", {"passwordChange": True}, 1, NOON, NOON)
    for effect in Effect:
        observer.policy_written(Written(effect, policy))
    observer.policy_refused(ValueError("what was wrong"))
    observer.relay_changed("relay:25", "it is away")
    observer.relay_changed("relay:25", "")
    observer.waiting("store", OSError("no answer"))
    for result in ("accepted", "duplicate", "ignored", "refused", "malformed", "unavailable"):
        observer.received("native", result)
        observer.received("login", result, 1000)


@pytest.mark.parametrize(
    "observer",
    [LogObserver, MetricsObserver, lambda: Company(LogObserver(), MetricsObserver()), Witness],
    ids=["log", "metrics", "company", "witness"],
)
def test_an_observer_takes_whatever_it_is_told(observer: Callable[[], Observer]) -> None:
    tell_everything(observer())


def test_one_that_fails_keeps_no_other_from_being_told() -> None:
    before, after = Witness(), Witness()
    tell_everything(Company(before, Broken(), after))
    assert before.seen
    assert (after.seen, after.waits, after.calls) == (before.seen, before.waits, before.calls)
