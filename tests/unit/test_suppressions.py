"""Suppressing addresses: what counts, for whom, how long."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from dispatcher.adapters.store.memory_suppressions import MemorySuppressionStore
from dispatcher.message import fingerprint
from dispatcher.suppression import EVERYWHERE, Suppression, SuppressionReason
from dispatcher.suppressions import Suppressions
from tests.builders import StandingClock

_T = TypeVar("_T")

SECRET = b"0123456789abcdef"
ADA = fingerprint(SECRET, "ada@example.org")


class World:
    def __init__(self) -> None:
        self.clock = StandingClock()
        self.service = Suppressions(MemorySuppressionStore(self.clock), self.clock, SECRET, 3600.0)

    def listed(self, scope: str = "", address: str = "") -> list[Suppression]:
        async def read() -> list[Suppression]:
            return [one async for one in self.service.listed(scope, address)]

        return run(read())


@pytest.fixture
def world() -> World:
    return World()


def run(work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(work)


def test_an_address_is_known_by_its_fingerprint_however_it_is_spelt(world: World) -> None:
    for spelt in ("ada@example.org", " ADA@Example.ORG ", ADA):
        assert world.service.known_by(spelt) == ADA


def test_what_counts_everywhere_stands_before_what_counts_here(world: World) -> None:
    assert run(world.service.standing("acme", ADA)) is None
    here = run(world.service.bounced("acme", ADA, "5.1.1")).suppression
    assert run(world.service.standing("acme", ADA)) == here
    assert run(world.service.standing("globex", ADA)) is None
    everywhere = run(world.service.forbid(EVERYWHERE, "ada@example.org", " left ")).suppression
    assert everywhere.detail == "left"
    assert run(world.service.standing("acme", ADA)) == everywhere


def test_a_bounce_is_forgotten_after_its_time_and_a_persons_word_is_not(world: World) -> None:
    run(world.service.bounced("acme", ADA, "5.1.1", "evt-1"))
    run(world.service.forbid("globex", ADA))
    world.clock.advance(timedelta(hours=1).total_seconds())
    (left,) = world.listed()
    assert (left.scope, left.reason) == ("globex", SuppressionReason.OPERATOR)


def test_an_address_that_is_allowed_again_is_told_with_what_stood_against_it(world: World) -> None:
    kept = run(world.service.forbid("acme", "ada@example.org")).suppression
    assert run(world.service.allow("acme", "Ada@example.org")) == kept
    assert run(world.service.allow("acme", "Ada@example.org")) is None


def test_more_than_a_page_is_listed(world: World) -> None:
    for number in range(501):
        run(world.service.forbid("acme", f"{number}@example.org"))
    run(world.service.forbid("globex", "7@example.org"))
    assert len(world.listed()) == 502
    assert len(world.listed("acme")) == 501
    assert {one.scope for one in world.listed(address="7@example.org")} == {"acme", "globex"}
