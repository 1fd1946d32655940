"""What every register of workers promises: a word counts for a while, and counts add up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_workforce import MemoryWorkforce
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.adapters.store.valkey_workforce import ValkeyWorkforce
from dispatcher.delivery import Dead, DeadReason, DeferReason, Deferred, Outcome, Report, Sent
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Claim, Ledger
from dispatcher.workforce import RelayReport, Window, WorkerReport, Workforce
from tests.builders import NOON, StandingClock, an_event


@dataclass
class World:
    """A register of workers, and power over its time."""

    workforce: Workforce
    ledger: Ledger
    silence: Callable[[], Awaitable[None]]


Story = Callable[[World], Awaitable[None]]
Play = Callable[[Story], None]


def a_worker(name: str = "mail-1/1") -> WorkerReport:
    relays = (
        RelayReport("relay.example:587", busy=3, idle=1, waiting=7, rate=20.0),
        RelayReport("relay.example:465", away=True, reason="refused"),
    )
    rates = {"sent": 12.5}
    return WorkerReport(name, "1.0", NOON - timedelta(hours=1), NOON, 128, 17, rates, relays)


@pytest.fixture(params=["memory", "valkey"])
def play_workforce(request: pytest.FixtureRequest) -> Play:
    if request.param == "memory":
        return _in_memory
    url: str = request.getfixturevalue("valkey_url")
    return lambda story: asyncio.run(_in_valkey(story, url))


def _in_memory(story: Story) -> None:
    clock = StandingClock()
    ledger = MemoryLedger(clock)

    async def silence() -> None:
        clock.advance(31)

    asyncio.run(_as_coroutine(story, World(MemoryWorkforce(clock, ledger), ledger, silence)))


async def _in_valkey(story: Story, url: str) -> None:
    async with connect(url) as client:
        await client.flushall()
        ledger = ValkeyLedger(client)

        async def silence() -> None:
            for key in await client.keys("nd:worker:*"):
                assert 25 < await client.ttl(key) <= 30
                await client.delete(key)

        try:
            await story(World(ValkeyWorkforce(client), ledger, silence))
        finally:
            await ledger.close()


async def _as_coroutine(story: Story, world: World) -> None:
    await story(world)


def test_a_worker_is_known_as_it_reported_last(play_workforce: Play) -> None:
    async def story(world: World) -> None:
        await world.workforce.report(a_worker(), {})
        later = replace(a_worker(), reported_at=NOON + timedelta(seconds=5), in_flight=3)
        await world.workforce.report(later, {})
        await world.workforce.report(a_worker("mail-0/2"), {})
        assert await world.workforce.workers() == [a_worker("mail-0/2"), later]

    play_workforce(story)


def test_who_says_nothing_for_half_a_minute_is_forgotten(play_workforce: Play) -> None:
    async def story(world: World) -> None:
        await world.workforce.report(a_worker(), {})
        await world.silence()
        assert await world.workforce.workers() == []
        await world.workforce.report(a_worker(), {})
        assert await world.workforce.workers() == [a_worker()]

    play_workforce(story)


def test_who_leaves_is_forgotten_at_once(play_workforce: Play) -> None:
    async def story(world: World) -> None:
        await world.workforce.report(a_worker(), {})
        await world.workforce.leave(a_worker().name)
        await world.workforce.leave("nobody")
        assert await world.workforce.workers() == []

    play_workforce(story)


@pytest.mark.parametrize("window", Window)
def test_what_is_done_counts_in_its_step_for_its_organization_and_for_all(
    window: Window, play_workforce: Play
) -> None:
    async def story(world: World) -> None:
        workforce, step = world.workforce, window.step
        for at, name in ((NOON, "a"), (NOON, "b"), (NOON - step, "a"), (NOON - 3 * step, "a")):
            worker = replace(a_worker(name), reported_at=at)
            await workforce.report(worker, {"acme": {"sent": 2, "dead": 1}, "globex": {"sent": 5}})
        ours = await workforce.lately("acme", window, NOON)
        everybody = await workforce.lately("", window, NOON)
        assert len(ours) == len(everybody) == window.length / step
        assert ours[-4:] == [
            {"sent": 2, "dead": 1},
            {},
            {"sent": 2, "dead": 1},
            {"sent": 4, "dead": 2},
        ]
        assert everybody[-1] == {"sent": 14, "dead": 2}
        assert not any(ours[:-4])
        assert not any(await workforce.lately("initech", window, NOON))

    play_workforce(story)


def test_what_is_older_than_the_window_does_not_count(play_workforce: Play) -> None:
    async def story(world: World) -> None:
        old = replace(a_worker(), reported_at=NOON - timedelta(hours=1))
        await world.workforce.report(old, {"acme": {"sent": 1}})
        assert not any(await world.workforce.lately("acme", Window.HOUR, NOON))
        assert (
            sum(
                each.get("sent", 0)
                for each in await world.workforce.lately("acme", Window.DAY, NOON)
            )
            == 1
        )

    play_workforce(story)


def test_what_waits_is_counted(play_workforce: Play) -> None:
    async def story(world: World) -> None:
        outcomes: Sequence[Outcome] = (
            Sent(),
            Deferred(DeferReason.TEMPORARY, 60),
            Dead(DeadReason.EXPIRED),
        )
        for number, outcome in enumerate(outcomes):
            claim = await world.ledger.claim(an_event(f"e{number}"), receipt=f"r{number}")
            assert isinstance(claim, Claim)
            await world.ledger.record(claim, Report(outcome))
        standing = await world.workforce.standing()
        assert (standing.open, standing.late, standing.letters) == (1, 0, 1)

    play_workforce(story)


def test_a_broken_report_is_told_as_the_stores_fault(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            await client.zadd("nd:workers", {"x": 1})
            await client.set("nd:worker:x", "{}")
            with pytest.raises(StoreUnavailable):
                await ValkeyWorkforce(client).workers()

    asyncio.run(story())


def test_a_newer_version_may_say_more(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            workforce = ValkeyWorkforce(client)
            await workforce.report(a_worker(), {})
            said = await client.get("nd:worker:mail-1/1")
            assert isinstance(said, bytes)
            more = said.replace(b'"busy"', b'"mood": "fine", "busy"').replace(
                b'"name"', b'"mood": 1, "name"'
            )
            await client.set("nd:worker:mail-1/1", more)
            assert await workforce.workers() == [a_worker()]

    asyncio.run(story())
