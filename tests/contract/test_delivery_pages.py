"""What every delivery log promises a reader that goes back in time page by page."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    DeliveryFilter,
    Outcome,
    Report,
    Sent,
)
from dispatcher.ports import Claim
from tests.builders import an_event
from tests.contract.worlds import World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

OUTCOMES: dict[str, Outcome | None] = {
    "sent": Sent(),
    "dead": Dead(DeadReason.ATTEMPTS),
    "deferred": Deferred(DeferReason.TEMPORARY, 60.0),
    "claimed": None,
}


async def one_of_each(world: World) -> None:
    for name, outcome in OUTCOMES.items():
        claim = await world.ledger.claim(an_event(name), receipt=name)
        assert isinstance(claim, Claim)
        if outcome is not None:
            assert await world.ledger.record(claim, Report(outcome))


async def listed(world: World, wanted: DeliveryFilter) -> list[str]:
    return [one.event_id for one in await world.ledger.deliveries(wanted)]


def test_what_changed_later_is_not_listed(play: Play) -> None:
    async def story(world: World) -> None:
        await one_of_each(world)
        everything = await world.ledger.deliveries(DeliveryFilter())
        newest, oldest = everything[0].changed_at, everything[-1].changed_at
        assert sorted(await listed(world, DeliveryFilter(until=newest))) == sorted(OUTCOMES)
        earlier = oldest - timedelta(milliseconds=1)
        assert await listed(world, DeliveryFilter(until=earlier)) == []

    play(story)


def test_what_changed_at_that_very_time_is_listed_whatever_its_state(play: Play) -> None:
    async def story(world: World) -> None:
        await one_of_each(world)
        for one in await world.ledger.deliveries(DeliveryFilter()):
            until = DeliveryFilter(until=one.changed_at)
            assert one.event_id in await listed(world, until)

    play(story)
