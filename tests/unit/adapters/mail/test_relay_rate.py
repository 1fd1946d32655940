"""A relay's rate: what is allowed per second, less after a complaint, bit by bit more again."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.pace_rate import Rate


class _Sender:
    """Sends as much as the rate allows, on a clock of its own."""

    def __init__(self, most: float = inf) -> None:
        self.time = 100.0
        self.rate = Rate(most)

    def send(self, count: int, *, every: float = 0.0) -> float:
        """Return how many seconds *count* messages took, offered *every* so many seconds."""
        started = self.time
        for _ in range(count):
            while pause := self.rate.take(self.time):
                self.time += pause
            self.time += every
        return self.time - started

    def complain(self) -> float:
        """Complain; return the rate that follows."""
        self.rate.slow_down(self.time)
        return self.rate.current


def test_without_a_limit_everything_passes_at_once() -> None:
    assert _Sender().send(10_000) == 0.0


def test_with_a_limit_messages_go_at_its_pace() -> None:
    sender = _Sender(50.0)
    sender.send(5)
    assert sender.send(500) == pytest.approx(10.0)


def test_after_a_pause_only_a_tenth_of_a_second_goes_at_once() -> None:
    sender = _Sender(50.0)
    sender.send(1)
    sender.time += 1000.0
    assert sender.send(5) == 0.0
    assert sender.rate.take(sender.time) == pytest.approx(0.02)


def test_less_than_one_message_per_second_is_a_rate_too() -> None:
    sender = _Sender(0.5)
    sender.send(1)
    assert sender.send(3) == pytest.approx(6.0)


def test_a_complaint_halves_the_limit_once_for_all_that_was_under_way() -> None:
    sender = _Sender(50.0)
    sender.send(200)
    assert sender.complain() == 25.0
    assert sender.complain() == 25.0
    sender.send(30)
    assert sender.complain() == pytest.approx(12.5, rel=0.1)


def test_a_complaint_without_a_limit_halves_what_was_really_sent() -> None:
    sender = _Sender()
    sender.send(300, every=0.01)
    assert sender.complain() == pytest.approx(50.0, rel=0.05)


def test_what_was_sent_long_ago_does_not_count() -> None:
    sender = _Sender()
    sender.send(1000)
    sender.time += 3600.0
    sender.send(4)
    assert sender.complain() == 2.0


def test_nothing_goes_right_after_a_complaint() -> None:
    sender = _Sender(50.0)
    sender.send(100)
    sender.complain()
    assert sender.rate.take(sender.time) == pytest.approx(1 / 25.0)


def test_a_complaint_never_stops_everything() -> None:
    sender = _Sender(50.0)
    for _ in range(40):
        sender.complain()
        sender.time += 1.5
    assert sender.rate.current == 0.2
    assert Rate(0.05).take(0.0) == 0.0


def test_a_limit_below_the_slowest_stays_what_it_is() -> None:
    sender = _Sender(0.05)
    assert sender.complain() == 0.05


def test_the_limit_is_regained_within_a_minute() -> None:
    sender = _Sender(50.0)
    sender.send(100)
    sender.complain()
    sender.send(3000)
    assert sender.rate.current == 50.0


def test_without_a_limit_there_is_none_again_in_the_end() -> None:
    sender = _Sender()
    sender.send(300, every=0.01)
    sender.complain()
    assert sender.send(30_000) > 60.0
    assert sender.rate.current == inf


@given(
    st.floats(0.1, 1e4),
    st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60),
)
def test_never_more_than_the_limit_whatever_happens(
    most: float, steps: list[tuple[float, bool]]
) -> None:
    rate, now, sent = Rate(most), 0.0, 0
    for pause, complaint in steps:
        now += pause
        if complaint:
            rate.slow_down(now)
        while rate.take(now) == 0.0:
            sent += 1
        assert 0 < rate.current <= most
        assert sent <= max(1.0, most * 0.1) + most * now + 1e-6
