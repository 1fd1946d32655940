"""Work beside other work ends with it, even if it would rather not."""

import asyncio

import pytest

from dispatcher.beside import beside, end


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _deaf() -> None:
    """Take the first cancellation for something else, as some clients do."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def _failing() -> None:
    raise ZeroDivisionError


def test_it_goes_on_until_then() -> None:
    async def story() -> None:
        done: list[int] = []
        enough = asyncio.Event()

        async def counting() -> None:
            while True:
                done.append(len(done))
                if len(done) > 3:
                    enough.set()
                await asyncio.sleep(0)

        async with beside(counting(), "counting"):
            await enough.wait()
        counted = len(done)
        await asyncio.sleep(0.01)
        assert len(done) == counted

    asyncio.run(story())


def test_who_does_not_hear_at_first_is_told_again() -> None:
    async def story() -> None:
        tasks = [asyncio.create_task(work()) for work in (_for_ever, _deaf)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await end(*tasks)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(story())


def test_what_went_wrong_is_not_hidden() -> None:
    async def story() -> None:
        async with beside(_failing(), "failing"):
            await asyncio.sleep(0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(story())


def test_to_end_nothing_is_no_work() -> None:
    asyncio.run(end())
