"""A bulkhead keeps deliveries that wait for one relay from filling the worker."""

import asyncio

import pytest

from dispatcher.adapters.mail.bulkhead import Bulkhead
from dispatcher.errors import Throttled


def test_lets_in_as_many_as_it_has_places_and_refuses_the_others_for_now() -> None:
    async def story() -> None:
        bulkhead = Bulkhead("relay", 2)
        await bulkhead.enter()
        await bulkhead.enter()
        with pytest.raises(Throttled, match="2 deliveries wait for this relay") as refused:
            await bulkhead.enter()
        assert refused.value.relay == "relay"
        bulkhead.leave()
        await bulkhead.enter()
        assert bulkhead.busy == 2

    asyncio.run(story())


def test_whoever_waits_longest_gets_the_place_that_becomes_free() -> None:
    async def story() -> list[int]:
        bulkhead, order = Bulkhead("relay", 1), list[int]()

        async def visit(number: int) -> None:
            await bulkhead.enter()
            order.append(number)
            bulkhead.leave()

        await bulkhead.enter()
        visits = [asyncio.create_task(visit(number)) for number in range(3)]
        await asyncio.sleep(0)
        bulkhead.leave()
        await asyncio.gather(*visits)
        assert bulkhead.busy == 0
        return order

    assert asyncio.run(story()) == [0, 1, 2]


def test_nobody_waits_for_a_relay_that_has_been_silent() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        bulkhead = Bulkhead("relay", 1)
        await bulkhead.enter()
        bulkhead._moved -= 3.0
        started = loop.time()
        for _ in range(100):
            with pytest.raises(Throttled):
                await bulkhead.enter()
        assert loop.time() - started < 0.2

    asyncio.run(story())


def test_a_place_given_to_whoever_is_stopped_goes_to_the_next() -> None:
    async def story() -> None:
        bulkhead = Bulkhead("relay", 1)
        await bulkhead.enter()
        stopped = asyncio.create_task(bulkhead.enter())
        waiting = asyncio.create_task(bulkhead.enter())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        bulkhead.leave()
        stopped.cancel()
        await waiting
        assert stopped.cancelled() or stopped.done()
        bulkhead.leave()
        assert bulkhead.busy == 0

    asyncio.run(story())
