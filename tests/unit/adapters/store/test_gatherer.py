"""Calls that travel together: who gets which answer, and when a batch leaves."""

import asyncio
from collections.abc import Sequence

import pytest

from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.errors import StoreUnavailable


class Line:
    """A line to a store that answers a batch when it is told to."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.gates: list[asyncio.Event] = []
        self.is_open = True
        self.error: Exception | None = None

    async def call(self, questions: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(questions)
        gate = asyncio.Event()
        self.gates.append(gate)
        if not self.is_open:
            await gate.wait()
        if self.error is not None:
            raise self.error
        return [
            StoreUnavailable("poisoned") if question < 0 else question * 10
            for question in questions
        ]


async def ticks(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_is_asked_within_one_tick_leaves_as_one_batch() -> None:
    async def story() -> None:
        line = Line()
        gatherer = Gatherer(line.call)
        answers = await asyncio.gather(*map(gatherer.ask, range(5)))
        assert answers == [0, 10, 20, 30, 40]
        assert line.batches == [[0, 1, 2, 3, 4]]

    asyncio.run(story())


def test_no_batch_is_larger_than_allowed() -> None:
    async def story() -> None:
        line = Line()
        gatherer = Gatherer(line.call, most=2)
        await asyncio.gather(*map(gatherer.ask, range(5)))
        assert line.batches == [[0, 1], [2, 3], [4]]

    asyncio.run(story())


def test_while_enough_batches_are_on_their_way_questions_gather() -> None:
    async def story() -> None:
        line = Line()
        line.is_open = False
        gatherer = Gatherer(line.call, depth=2)
        asked = []
        for question in range(5):
            asked.append(gatherer.ask(question))
            await ticks()
        assert line.batches == [[0], [1]]
        line.gates[1].set()
        await ticks()
        assert line.batches == [[0], [1], [2, 3, 4]]
        line.is_open = True
        for gate in line.gates:
            gate.set()
        assert await asyncio.gather(*asked) == [0, 10, 20, 30, 40]

    asyncio.run(story())


def test_a_question_in_order_waits_for_all_that_was_asked_before() -> None:
    async def story() -> None:
        line = Line()
        line.is_open = False
        gatherer = Gatherer(line.call, depth=2)
        first = gatherer.ask(1)
        await ticks()
        last = gatherer.ask(2, in_order=True)
        await ticks()
        assert line.batches == [[1]]
        line.is_open = True
        line.gates[0].set()
        assert await first == 10
        assert await last == 20

    asyncio.run(story())


def test_a_cancelled_waiter_breaks_nobody_elses_answer_and_is_asked_all_the_same() -> None:
    async def story() -> None:
        line = Line()
        orphans: list[int] = []
        gatherer = Gatherer(line.call)
        left = gatherer.ask(1, orphaned=orphans.append)
        stays = gatherer.ask(2)
        left.cancel()
        assert await stays == 20
        assert line.batches == [[1, 2]]
        assert orphans == [10]

    asyncio.run(story())


def test_an_error_reaches_everyone_who_waits() -> None:
    async def story() -> None:
        line = Line()
        line.error = StoreUnavailable("away")
        gatherer = Gatherer(line.call)
        answers = await asyncio.gather(*map(gatherer.ask, range(3)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["away"] * 3
        assert len({id(answer) for answer in answers}) == 3
        line.error = None
        assert await gatherer.ask(4) == 40

    asyncio.run(story())


def test_one_poisoned_question_fails_alone() -> None:
    async def story() -> None:
        gatherer = Gatherer(Line().call)
        good, bad = gatherer.ask(1), gatherer.ask(-1)
        assert await good == 10
        with pytest.raises(StoreUnavailable, match="poisoned"):
            await bad

    asyncio.run(story())


def test_draining_waits_for_every_answer() -> None:
    async def story() -> None:
        gatherer = Gatherer(Line().call, most=1, depth=1)
        asked = [gatherer.ask(question) for question in range(3)]
        await gatherer.drain()
        assert all(answer.done() for answer in asked)

    asyncio.run(story())
