"""How many connections a relay bears is learnt from what it turns away, and only from that."""

import pytest

from dispatcher.adapters.mail.pool_allowance import Allowance, is_crowded


def test_at_first_all_are_allowed() -> None:
    assert Allowance(16).at(0.0) == 16


def test_once_one_is_refused_as_many_are_allowed_as_the_relay_bore() -> None:
    allowance = Allowance(16)
    allowance.refused(live=3, now=10.0)
    assert allowance.at(10.0) == 3
    assert allowance.pause(10.0) == 1.0


def test_one_is_always_allowed() -> None:
    allowance = Allowance(16)
    allowance.refused(live=0, now=10.0)
    assert allowance.at(10.0) == 1


def test_after_a_pause_a_single_further_one_is_on_trial() -> None:
    allowance = Allowance(16)
    allowance.refused(live=3, now=10.0)
    assert [allowance.at(now) for now in (10.9, 11.0, 500.0)] == [3, 4, 4]


def test_refused_trials_come_less_and_less_often_up_to_a_minute() -> None:
    allowance, now, pauses = Allowance(16), 10.0, []
    for _ in range(9):
        allowance.refused(live=3, now=now)
        pauses.append(allowance.pause(now))
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_refusals_of_what_was_begun_together_count_once() -> None:
    allowance = Allowance(16)
    for _ in range(8):
        allowance.refused(live=4, now=10.0)
    assert allowance.pause(10.0) == 1.0


def test_a_relay_that_bears_more_again_gets_one_more_per_second_up_to_all() -> None:
    allowance, now = Allowance(6), 10.0
    allowance.refused(live=2, now=now)
    growth = []
    for _ in range(6):
        now += 1.0
        growth.append(allowance.at(now))
        allowance.opened(growth[-1], now)
    assert growth == [3, 4, 5, 6, 6, 6]


def test_opening_again_what_was_borne_before_proves_nothing() -> None:
    allowance = Allowance(16)
    allowance.refused(live=3, now=10.0)
    allowance.opened(live=1, now=10.5)
    assert allowance.at(10.5) == 3


def test_fewer_are_allowed_when_even_those_were_too_many() -> None:
    allowance = Allowance(16)
    allowance.refused(live=8, now=10.0)
    allowance.refused(live=5, now=10.1)
    allowance.refused(live=7, now=10.2)
    assert allowance.at(10.2) == 5


@pytest.mark.parametrize(
    ("text", "crowded"),
    [
        (b"4.7.0 mx Error: too many connections from 192.0.2.1", True),
        (b"Too many concurrent SMTP connections; please try again later", True),
        (b"4.7.0 too many sessions", True),
        (b"4.7.0 Connection rate limit exceeded", True),
        (b"too many messages in this connection", False),
        (b"4.4.2 timeout exceeded", False),
    ],
)
def test_only_some_words_of_parting_mean_too_many(text: bytes, crowded: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_crowded(text) is crowded
