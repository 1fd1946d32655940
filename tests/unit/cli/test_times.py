"""Times as people write and read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cli.failures import UsageError
from dispatcher.cli.times import parse_since, resolve_now
from dispatcher.stories.times import relative, span
from tests.builders import NOON


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("30m", NOON - timedelta(minutes=30)),
        ("2h", NOON - timedelta(hours=2)),
        ("7d", NOON - timedelta(days=7)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T09:30+01:00", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)),
        ("2026-11-24T09:30Z", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_or_a_time(text: str, time: datetime) -> None:
    assert parse_since(text, NOON) == time


@pytest.mark.parametrize("text", ["2x", "yesterday", "-2h", "", "999999999w"])
def test_any_other_since_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match="30m, 2h or 7d"):
        parse_since(text, NOON)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("now", NOON),
        ("now-20s", NOON - timedelta(seconds=20)),
        ("now-2d", NOON - timedelta(days=2)),
    ],
)
def test_now_stands_for_the_time(text: str, time: datetime) -> None:
    assert resolve_now(text, NOON) == time.isoformat()


@pytest.mark.parametrize("text", ["now-", "now-soon", "2026-11-24T09:30Z", "now-999999999w"])
def test_what_is_not_now_is_left_alone(text: str) -> None:
    assert resolve_now(text, NOON) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"),
        (0.012, "12 ms"),
        (3.2, "3.2 s"),
        (59.0, "59 s"),
        (300.0, "5 min"),
        (330.0, "5 min"),
        (7800.0, "2 h 10 min"),
        (90_000.0, "1 d 1 h"),
    ],
)
def test_a_span_is_told_no_finer_than_it_matters(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_time_is_told_by_its_distance() -> None:
    assert relative(NOON, NOON) == "just now"
    assert relative(NOON, NOON + timedelta(minutes=2)) == "2 min ago"
    assert relative(NOON + timedelta(hours=3), NOON) == "in 3 h"


@given(st.floats(min_value=0, max_value=1e9))
def test_every_span_has_words(seconds: float) -> None:
    assert span(seconds)
