"""A worker's reports: what it did, how fast, and that a store that is away loses none of it."""

import asyncio
from datetime import timedelta

from dispatcher.adapters.observers.tally import TallyObserver
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_workforce import MemoryWorkforce
from dispatcher.delivery import Observed, Report, Sent, Skipped, SkipReason
from dispatcher.errors import StoreUnavailable
from dispatcher.reporting import Reporter
from dispatcher.workforce import RelayReport, Window, WorkerReport
from tests.builders import NOON, StandingClock, Witness


class Station:
    """A worker that reports."""

    def __init__(self) -> None:
        self.clock, self.tally, self.witness = StandingClock(), TallyObserver(), Witness()
        self.workforce = MemoryWorkforce(self.clock, MemoryLedger(self.clock))
        self.reporter = Reporter(
            self.workforce,
            self.tally,
            WorkerReport("w", "1.0", self.clock.now(), self.clock.now(), 128),
            in_flight=lambda: 3,
            relays=lambda: [RelayReport("relay:25")],
            clock=self.clock,
            observer=self.witness,
        )

    def sends(self, count: int, org: str = "acme", *, fenced: bool = False) -> None:
        for _ in range(count):
            self.tally.finished(Observed(org, "e", Report(Sent()), 0.1, fenced))


def test_a_report_tells_rates_since_the_last_one() -> None:
    async def story() -> None:
        station = Station()
        station.clock.advance(5)
        station.sends(50)
        station.tally.finished(Observed("globex", "e", Report(Skipped(SkipReason.POLICY_OFF)), 0.1))
        await station.reporter.report()
        (said,) = await station.workforce.workers()
        assert said.rates == {"sent": 10.0, "skipped": 0.2}
        assert (said.in_flight, said.relays) == (3, (RelayReport("relay:25"),))
        station.clock.advance(10)
        station.sends(10)
        await station.reporter.report()
        (said,) = await station.workforce.workers()
        assert said.rates == {"sent": 1.0}
        assert said.reported_at == station.clock.now()

    asyncio.run(story())


def test_what_another_worker_took_over_is_not_counted_twice() -> None:
    station = Station()
    station.sends(1, fenced=True)
    assert station.tally.take() == {}


def test_what_the_store_does_not_take_is_told_later() -> None:
    class Away(MemoryWorkforce):
        is_away = True

        async def report(self, worker: WorkerReport, done: object) -> None:
            if self.is_away:
                raise StoreUnavailable("away")
            await super().report(worker, done)  # type: ignore[arg-type] # as it came

    async def story() -> None:
        station = Station()
        away = station.reporter.workforce = Away(station.clock, MemoryLedger(station.clock))
        station.sends(2)
        await station.reporter.report()
        assert station.witness.waits == ["workers' reports: away"]
        away.is_away = False
        station.sends(3)
        await station.reporter.report()
        hour = await away.lately("acme", Window.HOUR, station.clock.now())
        assert hour[-1] == {"sent": 5}

    asyncio.run(story())


def test_who_is_stopped_says_what_is_left_and_leaves() -> None:
    async def story() -> None:
        station = Station()
        running = asyncio.create_task(station.reporter.run())
        await asyncio.sleep(0)  # it has begun, and the memory keeps nobody waiting
        assert await station.workforce.workers()
        station.sends(4)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await station.workforce.workers() == []
        hour = await station.workforce.lately("", Window.HOUR, station.clock.now())
        assert hour[-1] == {"sent": 4}

    asyncio.run(story())


def test_a_window_ends_with_the_step_that_is_under_way() -> None:
    steps = Window.HOUR.steps_until(NOON + timedelta(seconds=59))
    assert (len(steps), steps[0], steps[-1]) == (60, NOON - timedelta(minutes=59), NOON)
    quarters = Window.DAY.steps_until(NOON + timedelta(minutes=14))
    assert (len(quarters), quarters[-1]) == (96, NOON)
