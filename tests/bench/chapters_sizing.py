"""What things cost Valkey: bytes in memory and on disk, and seconds of a start."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Outcome,
    Report,
    Sent,
)
from dispatcher.ledger import Claim
from dispatcher.sources.native import parse
from tests.bench import load
from tests.bench.lanes import Run
from tests.bench.race import new_folder
from tests.bench.series import Figure, Series
from tests.bench.servers import Valkey, valkey, wait_until

_ORGS: Final = 100
_AT_ONCE: Final = 500
_MILLION: Final = 1_000_000
_WAITS: Final = Deferred(DeferReason.RELAY_UNAVAILABLE, 3_600.0, burns=False)
_GIVEN_UP: Final = Dead(DeadReason.REJECTED_RECIPIENT)

Fill = Callable[[Valkey, int], None]


def costs(run: Run) -> Figure:
    """Measure what an event costs in each state, and a policy."""
    count = run.scaled(200_000)
    kinds: list[tuple[str, Fill]] = [
        ("an event in the queue", _queue),
        ("an event that waits for its next try", lambda at, many: _walk(at, many, _WAITS)),
        ("a dead letter", lambda at, many: _walk(at, many, _GIVEN_UP)),
        ("a finished delivery", lambda at, many: _walk(at, many, Sent())),
        ("an organization's policy", lambda at, many: load.keep_policies(at.url, many)),
    ]
    series = []
    for name, fill in kinds:
        run.tell(f"what it costs: {name}")
        series += _cost(name, fill, count)
    note = f"Over {count:,} of each, in {_ORGS} organizations; events as in all chapters."
    return Figure("sizing", "What things cost Valkey", series, notes=[note])


def _cost(name: str, fill: Fill, count: int) -> list[Series]:
    with new_folder() as folder:
        with valkey(folder) as server:
            before = server.memory
            fill(server, count)
            memory = (server.memory - before) / count
        disk, empty = _written(folder) / count, _start(folder / "empty")
        reading = _start(folder) - empty
        with valkey(folder) as server:
            _rewrite(server)
        short, reading_short = _written(folder) / count, _start(folder) - empty
    per_million = _MILLION / count
    return [
        Series(f"{name}: memory", "bytes", [memory]),
        Series(f"{name}: append-only file as it was written", "bytes", [disk]),
        Series(f"{name}: rewritten", "bytes", [short]),
        Series(f"{name}: a start, per million as they were written", "s", [reading * per_million]),
        Series(f"{name}: per million, rewritten", "s", [reading_short * per_million]),
    ]


def _rewrite(server: Valkey) -> None:
    server.client.bgrewriteaof()
    wait_until(
        lambda: not server.client.info("persistence")["aof_rewrite_in_progress"], "it is rewritten"
    )


def _start(folder: Path) -> float:
    """Return the seconds until a Valkey with these files answers."""
    begun = time.monotonic()
    with valkey(folder):
        return time.monotonic() - begun


def _written(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("appendonlydir/*"))


def _queue(at: Valkey, count: int) -> None:
    load.fill_celery_queue(at.client, load.TASK, count, orgs=_ORGS)


def _walk(at: Valkey, count: int, outcome: Outcome) -> None:
    """Claim and record so many events."""

    async def walk_all() -> None:
        async with connect(at.url) as client:
            ledger = ValkeyLedger(client)
            for start in range(0, count, _AT_ONCE):
                await _together(
                    lambda number: _one(ledger, number, outcome),
                    start,
                    min(start + _AT_ONCE, count),
                )

    asyncio.run(walk_all())


async def _together(work: Callable[[int], Awaitable[None]], first: int, end: int) -> None:
    await asyncio.gather(*(work(number) for number in range(first, end)))


async def _one(ledger: ValkeyLedger, number: int, outcome: Outcome) -> None:
    raw = load.event(str(uuid4()), org=load.org_name(number % _ORGS), number=number)
    claim = await ledger.claim(parse(raw), receipt=str(uuid4()))
    assert isinstance(claim, Claim)
    attempt = Attempt(1, datetime.now(UTC), 0.004, "sent", relay="smtp.bench.example:587", code=250)
    report = Report(outcome, trigger="password_change", recipient="c" * 16, attempt=attempt)
    if isinstance(outcome, Deferred):
        report = replace(report, attempt=None)
    await ledger.record(claim, report)
