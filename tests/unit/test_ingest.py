"""Events that callers bring are safe first and published then."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from itertools import count
from typing import Any

import pytest

from dispatcher.adapters.store import MemoryLedger
from dispatcher.errors import StoreUnavailable
from dispatcher.ingest import Ingest, Taken
from dispatcher.ports import Parcel
from tests.builders import StandingClock, Witness, an_event


def on_a_loop(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(story)
    def test(**fixtures: Any) -> None:
        asyncio.run(story(**fixtures))

    return test


class ShakyQueue:
    """A queue that is away as often as it is told."""

    def __init__(self, *, away: int = 0) -> None:
        self.away = away
        self.batches: list[list[str]] = []
        self.has_some = asyncio.Event()
        self.refused = asyncio.Event()

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        if self.away:
            self.away -= 1
            self.refused.set()
            raise StoreUnavailable("the broker is away")
        self.batches.append([parcel.receipt for parcel in parcels])
        self.has_some.set()


class Desk:
    def __init__(self, queue: ShakyQueue) -> None:
        receipts = count(1)
        self.clock, self.queue, self.witness = StandingClock(), queue, Witness()
        self.ledger = MemoryLedger(self.clock)
        self.ingest = Ingest(
            self.ledger, queue, self.witness, new_receipt=lambda: f"r-{next(receipts)}"
        )


@on_a_loop
async def test_events_are_in_the_ledger_when_the_caller_gets_its_answer() -> None:
    desk = Desk(ShakyQueue())

    assert await desk.ingest.take([an_event("a"), an_event("b")]) == Taken(2, 0)

    assert (await desk.ledger.totals()).accepted == 2
    assert desk.queue.batches == []


@on_a_loop
async def test_the_same_event_within_one_call_and_in_the_next_is_a_duplicate() -> None:
    desk = Desk(ShakyQueue())

    assert await desk.ingest.take([an_event("a"), an_event("a")]) == Taken(1, 1)
    assert await desk.ingest.take([an_event("a")]) == Taken(0, 1)


@on_a_loop
async def test_what_was_taken_in_is_published_once_and_in_batches() -> None:
    desk = Desk(ShakyQueue())
    await desk.ingest.take([an_event(f"e-{number}") for number in range(501)])

    await desk.ingest.publish()
    await desk.ingest.publish()

    assert [len(batch) for batch in desk.queue.batches] == [500, 1]


@on_a_loop
async def test_publishing_goes_on_by_itself() -> None:
    desk = Desk(ShakyQueue())
    publishing = asyncio.create_task(desk.ingest.run())

    await desk.ingest.take([an_event("a")])
    async with asyncio.timeout(5):
        await desk.queue.has_some.wait()
    publishing.cancel()

    assert desk.queue.batches == [["r-1"]]


@on_a_loop
async def test_what_comes_alone_goes_at_once_and_what_follows_closely_goes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dispatcher.ingest._FOLLOWERS", 0.5)
    desk = Desk(ShakyQueue())
    publishing = asyncio.create_task(desk.ingest.run())

    for name in ("a", "b", "c"):
        await desk.ingest.take([an_event(name)])
        async with asyncio.timeout(5):
            await desk.queue.has_some.wait()
    desk.queue.has_some.clear()
    async with asyncio.timeout(5):
        await desk.queue.has_some.wait()
    publishing.cancel()

    assert desk.queue.batches == [["r-1"], ["r-2", "r-3"]]


@on_a_loop
async def test_what_could_not_be_published_is_due_in_the_ledger() -> None:
    desk = Desk(ShakyQueue(away=1))
    await desk.ingest.take([an_event("a")])

    with pytest.raises(StoreUnavailable):
        await desk.ingest.publish()
    desk.clock.advance(16)

    [parcel] = await desk.ledger.take_due(10)
    assert parcel.receipt == "r-1"


@on_a_loop
async def test_a_published_event_is_not_due_again_soon() -> None:
    desk = Desk(ShakyQueue())
    await desk.ingest.take([an_event("a")])

    await desk.ingest.publish()
    desk.clock.advance(60)

    assert not await desk.ledger.take_due(10)


@on_a_loop
async def test_a_queue_that_is_away_is_told_of_and_does_not_end_the_publishing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dispatcher.ingest._PAUSE", 0.0)
    desk = Desk(ShakyQueue(away=1))
    publishing = asyncio.create_task(desk.ingest.run())

    await desk.ingest.take([an_event("a")])
    async with asyncio.timeout(5):
        await desk.queue.refused.wait()
        await desk.ingest.take([an_event("b")])
        await desk.queue.has_some.wait()
    publishing.cancel()

    assert desk.queue.batches == [["r-2"]]
