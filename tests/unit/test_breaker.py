"""A breaker opens at a fault, lets one probe through at a time, and closes when one passes."""

import pytest

from dispatcher.breaker import PATIENCE, Breaker


class _World:
    def __init__(self) -> None:
        self.time = 0.0
        self.changes: list[bool] = []
        self.breaker = Breaker(self.changes.append, now=lambda: self.time, jitter=lambda: 0.5)

    def next_probe(self) -> float:
        """Return after how many seconds a probe is let through."""
        before = self.time
        while not self.breaker.permits():
            self.time += 0.25
        return self.time - before


def test_a_closed_breaker_permits_everyone() -> None:
    assert all(_World().breaker.permits() for _ in range(100))


def test_a_fault_opens_it_at_once() -> None:
    world = _World()
    world.breaker.failed()
    assert world.breaker.is_open
    assert not world.breaker.permits()


def test_when_due_exactly_one_probe_is_let_through() -> None:
    world = _World()
    world.breaker.failed()
    world.time = 1.0
    assert [world.breaker.permits() for _ in range(10)] == [True] + [False] * 9


def test_failed_probes_come_less_and_less_often_up_to_a_minute() -> None:
    world = _World()
    world.breaker.failed()
    pauses = []
    for _ in range(9):
        pauses.append(world.next_probe())
        world.breaker.failed()
    assert pauses == [1, 2, 4, 8, 15, 15, 15, 15, 15]
    assert world.changes == [True]


def test_a_probe_that_passes_closes_it_and_the_next_outage_starts_anew() -> None:
    world = _World()
    for _ in range(2):
        world.breaker.failed()
        assert world.next_probe() == 1
        world.breaker.passed()
    assert world.changes == [True, False, True, False]
    assert world.breaker.permits()


def test_stragglers_from_before_the_outage_do_not_lengthen_it() -> None:
    world = _World()
    for _ in range(50):
        world.breaker.failed()
    assert world.next_probe() == 1


def test_a_straggler_that_passes_closes_it() -> None:
    world = _World()
    world.breaker.failed()
    world.breaker.passed()
    assert not world.breaker.is_open


def test_a_row_of_silences_opens_it() -> None:
    world = _World()
    for _ in range(PATIENCE - 1):
        world.breaker.silent()
    assert not world.breaker.is_open
    world.breaker.silent()
    assert world.breaker.is_open


def test_silences_with_an_answer_between_them_do_not_open_it() -> None:
    world = _World()
    for _ in range(PATIENCE):
        world.breaker.silent()
        world.breaker.passed()
    assert world.changes == []


def test_a_silent_probe_leaves_it_open() -> None:
    world = _World()
    world.breaker.failed()
    world.next_probe()
    world.breaker.silent()
    assert world.breaker.is_open
    assert world.next_probe() == 2


def test_a_withdrawn_probe_lets_another_one_through() -> None:
    world = _World()
    world.breaker.failed()
    world.next_probe()
    world.breaker.withdrawn()
    assert world.breaker.permits()


@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_jitter_keeps_the_pause_within_a_quarter(jitter: float) -> None:
    time = [0.0]
    breaker = Breaker(now=lambda: time[0], jitter=lambda: jitter)
    breaker.failed()
    time[0] = 0.74
    assert not breaker.permits()
    time[0] = 1.26
    assert breaker.permits()
