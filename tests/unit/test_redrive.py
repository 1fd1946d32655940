"""Bringing due deliveries back to the queue."""

import asyncio
from collections.abc import Sequence

import pytest

from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Claim, Parcel
from dispatcher.redrive import Requeue
from tests.builders import StandingClock, Witness, an_event


class MemoryQueue:
    """A queue that remembers, and that can be away."""

    def __init__(self, *, refusals: int = 0, refusal: Exception | None = None) -> None:
        self.refusal = refusal or StoreUnavailable("the broker is away")
        self.parcels: list[Parcel] = []
        self.refusals = refusals
        self.took = asyncio.Event()
        self.refused = asyncio.Event()

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise self.refusal
        self.parcels += parcels
        self.took.set()


async def a_ledger_with_something_due(clock: StandingClock) -> MemoryLedger:
    ledger = MemoryLedger(clock)
    await put_due(ledger)
    return ledger


async def put_due(ledger: MemoryLedger, number: int = 1) -> None:
    claim = await ledger.claim(an_event(f"evt-{number}"), receipt=f"m-{number}")
    assert isinstance(claim, Claim)
    await ledger.release(claim)


def test_puts_what_is_due_back_under_its_receipt() -> None:
    async def moved() -> tuple[int, list[Parcel]]:
        queue = MemoryQueue()
        ledger = await a_ledger_with_something_due(StandingClock())
        return await Requeue(ledger, queue, Witness()).move(), queue.parcels

    count, parcels = asyncio.run(moved())
    assert count == 1
    assert [(parcel.receipt, parcel.event["id"]) for parcel in parcels] == [("m-1", "evt-1")]


def test_lets_but_a_few_find_out_whether_relays_that_are_away_are_back() -> None:
    async def moved() -> tuple[int, int]:
        ledger, held = MemoryLedger(StandingClock()), True
        for number in range(10):
            await put_due(ledger, number)
        requeue = Requeue(ledger, MemoryQueue(), Witness(), lambda: held)
        few = await requeue.move()
        held = False
        return few, await requeue.move()

    assert asyncio.run(moved()) == (2, 8)


def test_publishes_nothing_when_nothing_is_due() -> None:
    async def moved() -> int:
        return await Requeue(MemoryLedger(StandingClock()), MemoryQueue(), Witness()).move()

    assert asyncio.run(moved()) == 0


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (StoreUnavailable("the broker is away"), "store: the broker is away"),
        (OSError("no file descriptors"), "store: no file descriptors"),
    ],
)
def test_comes_back_for_what_the_broker_did_not_take_whatever_the_reason(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception, told: str
) -> None:
    monkeypatch.setattr("dispatcher.redrive._PAUSE", 0.001)

    async def parcels_in_the_end() -> tuple[list[Parcel], Witness]:
        clock, queue, witness = StandingClock(), MemoryQueue(refusals=1, refusal=refusal), Witness()
        ledger = await a_ledger_with_something_due(clock)
        running = asyncio.create_task(Requeue(ledger, queue, witness).run())
        await asyncio.wait_for(queue.refused.wait(), 5)
        clock.advance(16)
        await asyncio.wait_for(queue.took.wait(), 5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return queue.parcels, witness

    parcels, witness = asyncio.run(parcels_in_the_end())
    assert [parcel.receipt for parcel in parcels] == ["m-1"]
    assert witness.waits == [told]
