"""In which words an observer is told why something that came in was not taken."""

import pytest

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
from dispatcher.web.tally import result_of


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
