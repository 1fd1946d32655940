"""A flood writes few lines, and says how many it kept back."""

from dispatcher.adapters.observers.floodgate import Floodgate, Kind


class Sluice:
    """A floodgate whose time stands until it is moved."""

    def __init__(self, rate: int) -> None:
        self.time = 0.0
        self.told: list[tuple[Kind, int]] = []
        self.gate = Floodgate(rate, lambda kind, count: self.told.append((kind, count)), self.now)

    def now(self) -> float:
        return self.time

    def pour(self, number: int, *kind: str) -> int:
        """Return how many of so many lines were written."""
        return sum(self.gate.admits(*kind) for _ in range(number))


def test_the_first_of_each_second_are_written_and_the_rest_counted() -> None:
    sluice = Sluice(rate=3)
    assert sluice.pour(1000, "skipped", "policy_off") == 3
    sluice.time += 1.0
    assert sluice.pour(2, "skipped", "policy_off") == 2
    assert sluice.told == [(("skipped", "policy_off"), 997)]


def test_a_flood_of_one_kind_drowns_no_other() -> None:
    sluice = Sluice(rate=3)
    sluice.pour(1000, "skipped", "policy_off")
    assert sluice.pour(1, "sent", "") == 1


def test_a_flood_that_ended_is_told_with_whatever_comes_next() -> None:
    sluice = Sluice(rate=3)
    sluice.pour(5, "skipped", "policy_off")
    sluice.time += 60.0
    sluice.pour(1, "sent", "")
    assert sluice.told == [(("skipped", "policy_off"), 2)]


def test_without_a_rate_all_are_written() -> None:
    assert Sluice(rate=0).pour(1000, "sent", "") == 1000
