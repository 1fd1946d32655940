"""What every ledger promises a caller that brings an event and waits for an answer."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from dispatcher.delivery import Report, Sent, State
from dispatcher.events import Event
from dispatcher.ports import Claim, Kinship, Parcel, Refusal
from tests.builders import an_event
from tests.contract.worlds import HORIZON, PUBLISHING, World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

EVENT = an_event("3f2504e0-4f89-41d3-9a0c-0305e82c3301")


async def taken_in(world: World, *, receipt: str = "r-1") -> Parcel:
    parcel = await world.ledger.accept(EVENT, receipt=receipt)
    assert isinstance(parcel, Parcel)
    return parcel


async def sent(world: World, *, receipt: str = "r-1") -> None:
    claim = await world.ledger.claim(EVENT, receipt=receipt)
    assert isinstance(claim, Claim)
    assert claim.attempt == 1
    assert await world.ledger.record(claim, Report(Sent()))


async def counts(world: World) -> tuple[int, int, int]:
    totals = await world.ledger.totals()
    return totals.accepted, totals.sent, totals.skipped


async def state(world: World) -> State:
    [delivery] = await world.ledger.find(EVENT.id, org_id="acme")
    return delivery.state


def test_an_event_is_durable_and_counted_before_it_is_on_the_queue(play: Play) -> None:
    async def story(world: World) -> None:
        parcel = await taken_in(world)
        assert (parcel.receipt, parcel.event) == ("r-1", EVENT.to_wire())
        assert await state(world) is State.QUEUED
        assert await counts(world) == (1, 0, 0)

    play(story)


def test_its_claim_is_the_first_attempt_and_counts_it_no_second_time(play: Play) -> None:
    async def story(world: World) -> None:
        await taken_in(world)
        await sent(world)
        assert await counts(world) == (1, 1, 0)

    play(story)


def test_an_event_that_nobody_published_is_due_soon(play: Play) -> None:
    async def story(world: World) -> None:
        await taken_in(world)
        assert not await world.ledger.take_due(10)
        await world.pass_time(PUBLISHING + 1)
        [parcel] = await world.ledger.take_due(10)
        assert parcel.receipt == "r-1"
        await sent(world)

    play(story)


def test_a_published_one_has_until_the_horizon(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.queued([await taken_in(world)])
        await world.pass_time(HORIZON - 1)
        assert not await world.ledger.take_due(10)
        await world.pass_time(2)
        assert len(await world.ledger.take_due(10)) == 1

    play(story)


def test_the_same_event_again_is_a_duplicate_whatever_became_of_it(play: Play) -> None:
    async def story(world: World) -> None:
        await taken_in(world)
        assert await world.ledger.accept(EVENT, receipt="r-2") is Refusal.DUPLICATE
        await sent(world)
        assert await world.ledger.accept(EVENT, receipt="r-3") is Refusal.DUPLICATE
        assert await counts(world) == (3, 1, 2)

    play(story)


def test_a_call_whose_reply_was_lost_may_be_repeated(play: Play) -> None:
    async def story(world: World) -> None:
        first = await taken_in(world)
        assert await taken_in(world) == first
        assert await counts(world) == (1, 0, 0)
        await sent(world)
        await taken_in(world)
        assert await counts(world) == (1, 1, 0)

    play(story)


def test_a_corrected_event_takes_the_id_of_a_malformed_one(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.reject(
            {"id": EVENT.id}, org_id="acme", event_id=EVENT.id, receipt="bad", detail="no user"
        )
        await taken_in(world)
        await sent(world)
        totals = await world.ledger.totals()
        assert (totals.accepted, totals.sent, totals.dead) == (2, 1, 1)

    play(story)


def test_a_corrected_event_takes_the_id_of_a_dropped_one(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.reject(
            {"id": EVENT.id}, org_id="acme", event_id=EVENT.id, receipt="bad", detail="no user"
        )
        assert await world.ledger.drop("acme", EVENT.id)
        await taken_in(world)
        await sent(world)
        assert (await counts(world))[1] == 1

    play(story)


KIN = Kinship(b"\x00u-1 in acme", window=10.0)


def told_again(seconds: float, event_id: str = "twin") -> Event:
    return replace(EVENT, id=event_id, occurred_at=EVENT.occurred_at + timedelta(seconds=seconds))


def test_a_change_that_is_told_twice_under_two_ids_is_mailed_once(play: Play) -> None:
    async def story(world: World) -> None:
        first = await world.ledger.accept(EVENT, receipt="r-1", kinship=KIN)
        assert isinstance(first, Parcel)
        twin = await world.ledger.accept(told_again(0.02), receipt="r-2", kinship=KIN)
        assert twin is Refusal.DUPLICATE
        await sent(world)
        assert await counts(world) == (2, 1, 1)
        [delivery] = await world.ledger.find("twin", org_id="acme")
        assert (delivery.state, delivery.reason) == (State.SKIPPED, "duplicate")
        assert delivery.detail == f"twin of {EVENT.id}"

    play(story)


def test_a_later_change_of_the_same_user_is_no_twin(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.accept(EVENT, receipt="r-1", kinship=KIN)
        later = await world.ledger.accept(told_again(10.5), receipt="r-2", kinship=KIN)
        assert isinstance(later, Parcel)
        twin = await world.ledger.accept(told_again(11, "third"), receipt="r-3", kinship=KIN)
        assert twin is Refusal.DUPLICATE

    play(story)


def test_twins_that_are_sent_again_stay_what_they_were(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.accept(EVENT, receipt="r-1", kinship=KIN)
        await world.ledger.accept(told_again(-3), receipt="r-2", kinship=KIN)
        await sent(world)
        for again in (EVENT, told_again(-3)):
            answer = await world.ledger.accept(again, receipt="r-3", kinship=KIN)
            assert answer is Refusal.DUPLICATE
        [delivery] = await world.ledger.find("twin", org_id="acme")
        assert delivery.duplicates == 1

    play(story)


def test_somebody_else_s_change_at_the_same_time_is_no_twin(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.accept(EVENT, receipt="r-1", kinship=KIN)
        other = Kinship(b"u-2 in acme", window=10.0)
        parcel = await world.ledger.accept(told_again(0), receipt="r-2", kinship=other)
        assert isinstance(parcel, Parcel)

    play(story)
