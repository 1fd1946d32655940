"""What every delivery log promises a reader that goes back in time page by page."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    DeliveryFilter,
    Outcome,
    Report,
    Sent,
    State,
)
from dispatcher.ports import Claim, Refusal
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


def test_a_copy_of_an_event_does_not_make_its_delivery_any_newer(play: Play) -> None:
    async def story(world: World) -> None:
        await one_of_each(world)
        before = await world.ledger.deliveries(DeliveryFilter())
        for name in OUTCOMES:
            assert await world.ledger.claim(an_event(name), receipt="copy") is Refusal.DUPLICATE
        after = await world.ledger.deliveries(DeliveryFilter())
        assert [(one.event_id, one.changed_at) for one in after] == [
            (one.event_id, one.changed_at) for one in before
        ]
        assert {one.duplicates for one in after} == {1}

    play(story)


def test_letters_are_read_from_a_time_on_backwards(play: Play) -> None:
    async def story(world: World) -> None:
        await one_of_each(world)
        [letter] = await world.ledger.deliveries(DeliveryFilter(state=State.DEAD))

        async def read(until: datetime) -> list[str]:
            pages = world.ledger.letters(DeliveryFilter(until=until))
            return [one.event_id async for page in pages for one in page]

        assert await read(letter.changed_at) == ["dead"]
        assert await read(letter.changed_at - timedelta(milliseconds=1)) == []

    play(story)


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
