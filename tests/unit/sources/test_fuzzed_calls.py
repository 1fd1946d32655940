"""Whatever a proven sender tells, nobody else is told of it; `make fuzz` throws many more."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest

from dispatcher.sources import discover
from tests.fuzz import Seed, seeds, throw


@pytest.fixture(scope="module")
def known() -> Mapping[str, Sequence[Seed]]:
    return seeds()


@pytest.mark.parametrize("kind", discover())
def test_a_mutated_call_is_read_as_malformed_or_tells_of_its_own_subject(
    kind: str, known: Mapping[str, Sequence[Seed]]
) -> None:
    random = Random(kind)
    for _ in range(300):
        throw(random.choice(known[kind]), random)
