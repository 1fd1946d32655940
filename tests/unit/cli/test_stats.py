"""``dispatcher stats``: how it goes, once for programs and pipes."""

import asyncio
import json

from dispatcher.workforce import RelayReport, WorkerReport
from tests.builders import NOON
from tests.unit.cli.installation import MemorySession, Run


def at_work(here: MemorySession, *relays: RelayReport, name: str = "host/7") -> None:
    worker = WorkerReport(
        name,
        version="1.2.3",
        started_at=NOON,
        reported_at=NOON,
        concurrency=128,
        in_flight=5,
        rates={"sent": 12.5, "dead": 0.5},
        relays=relays,
    )
    asyncio.run(here.store.workforce.report(worker, {}))


def test_it_tells_of_queues_rates_relays_and_workers(session: MemorySession, run: Run) -> None:
    session.waiting = {"notifications": 1234}
    at_work(session, RelayReport("relay:587", away=True, reason="421 busy", busy=1))
    told = run("stats")
    assert told.code == 0
    for said in ("1,234", "12.5", "relay:587", "away: 421 busy", "host/7", "5 of 128", "1.2.3"):
        assert said in told.out


def test_rates_of_all_workers_are_added(session: MemorySession, run: Run) -> None:
    at_work(session)
    at_work(session, name="host/8")
    told = json.loads(run("stats", "--json").out)
    assert told["rates"] == {"sent": 25.0, "skipped": 0.0, "deferred": 0.0, "dead": 1.0}
    assert [worker["name"] for worker in told["workers"]] == ["host/7", "host/8"]
    assert told["standing"] == {"open": 0, "late_seconds": 0.0, "dead_letters": 0}


def test_that_nobody_works_is_said_with_what_to_do(run: Run) -> None:
    assert "No worker has said anything for half a minute: dispatcher worker" in run("stats").out
