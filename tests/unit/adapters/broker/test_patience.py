"""The watchdog's judgement: connected but not consuming, or merely idle, busy, or stopped."""

from dataclasses import replace
from math import inf
from typing import Final

from dispatcher.adapters.broker.watchdog import Glance, Patience

LEASE: Final = 12.0
IDLE: Final = Glance(
    heard_at=0.0, answers_since=0.0, may_be_silent=False, is_busy=False, has_credit=True
)


def watch(glance: Glance, seconds: int, *, hears: bool, lease: float = LEASE) -> str | None:
    """Look once a second for as long, and return the last complaint."""
    patience = Patience(lease)
    complaint = None
    for now in range(seconds + 1):
        seen = replace(glance, heard_at=float(now)) if hears else glance
        complaint = patience.complaint(seen, float(now))
    return complaint


def test_an_idle_worker_is_left_alone() -> None:
    assert watch(IDLE, 1000, hears=True) is None


def test_a_busy_worker_without_credit_is_left_alone() -> None:
    assert watch(replace(IDLE, is_busy=True, has_credit=False), 1000, hears=True) is None


def test_credit_that_nothing_uses_is_complained_about_after_a_lease() -> None:
    leaked = replace(IDLE, has_credit=False)
    assert watch(leaked, 12, hears=True) is None
    assert watch(leaked, 13, hears=True) == "all credit is used up"


def test_a_pause_with_credit_starts_the_patience_anew() -> None:
    patience, leaked = Patience(LEASE), replace(IDLE, has_credit=False)
    for now in range(60):
        glance = leaked if now % 10 else IDLE
        assert patience.complaint(replace(glance, heard_at=float(now)), float(now)) is None


def test_a_reader_that_is_stuck_is_complained_about_though_tasks_run() -> None:
    assert watch(replace(IDLE, is_busy=True), 27, hears=False) is None
    assert watch(replace(IDLE, is_busy=True), 28, hears=False) is not None


def test_a_broker_that_answers_nobody_is_no_fault_of_the_reader() -> None:
    assert watch(replace(IDLE, answers_since=inf), 1000, hears=False) is None


def test_a_reader_has_time_to_come_back_once_the_broker_answers_again() -> None:
    patience, back = Patience(LEASE), 120.0
    for now in range(148):
        since = back if now >= back else inf
        assert patience.complaint(replace(IDLE, answers_since=since), float(now)) is None
    assert patience.complaint(replace(IDLE, answers_since=back), 148.0) is not None


def test_a_task_of_the_solo_pool_may_keep_the_reader_from_hearing() -> None:
    solo = replace(IDLE, is_busy=True, may_be_silent=True)
    assert watch(solo, 1000, hears=False) is None


def test_a_process_that_was_stopped_for_hours_gets_time_to_hear_again() -> None:
    patience = Patience(LEASE)
    for now in (0.0, 1.0, 7200.0, 7201.0, 7226.0):
        assert patience.complaint(IDLE, now) is None
