"""How long a directory asks us to wait."""

import pytest

from dispatcher.adapters.directory.replies import seconds_to_wait

_DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
_NOON = 1_795_521_600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 5.0),
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "9" * 400}, 300.0),
        ({"retry-after": "-3"}, 5.0),
        ({"retry-after": "soon"}, 5.0),
        ({"retry-after": "\u0663"}, 5.0),
        ({"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Tue, 24 Nov 2026 11:59:00 GMT"}, 1.0),
        ({"x-rate-limit-reset": str(_NOON + 42)}, 42.0),
        ({"x-rate-limit-reset": "9" * 400}, 300.0),
        ({"x-rate-limit-reset": "soon"}, 5.0),
        ({"retry-after": "3", "x-rate-limit-reset": str(_NOON + 42)}, 3.0),
    ],
)
def test_a_wait_is_read_from_either_header_and_kept_within_reason(
    headers: dict[str, str], seconds: float
) -> None:
    assert seconds_to_wait({"date": _DATE} | headers) == seconds
