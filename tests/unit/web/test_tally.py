"""In which words an observer is told why something that came in was not taken."""

import pytest

from dispatcher.adapters.observers.metrics import MetricsObserver
from dispatcher.errors import (
    DispatcherError,
    IssuerUnavailable,
    MalformedEvent,
    MembershipNotFound,
    PermissionDenied,
    RateLimited,
    StoreUnavailable,
    Unauthenticated,
)
from dispatcher.web import errors
from dispatcher.web.tally import NATIVE, Tally, result_of


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (MalformedEvent("no id"), "malformed"),
        (errors.too_large(1), "malformed"),
        (Unauthenticated("no token"), "refused"),
        (MembershipNotFound("membership not found"), "refused"),
        (PermissionDenied("read only"), "refused"),
        (RateLimited("too often", retry_after=1.0), "refused"),
        (StoreUnavailable("away"), "unavailable"),
        (IssuerUnavailable("away"), "unavailable"),
        (errors.too_busy(), "unavailable"),
        (DispatcherError("ours"), "unavailable"),
    ],
)
def test_an_error_has_one_word(error: DispatcherError, result: str) -> None:
    assert result_of(error) == result


def test_every_result_is_counted_from_zero_on() -> None:
    observer = MetricsObserver()
    Tally(observer, NATIVE).begin()
    counted = {
        sample.labels["result"]: sample.value
        for metric in observer.collect()
        for sample in metric.samples
        if sample.name == "dispatcher_ingress_total"
    }
    assert counted == dict.fromkeys(
        ("accepted", "duplicate", "refused", "malformed", "unavailable"), 0.0
    )
