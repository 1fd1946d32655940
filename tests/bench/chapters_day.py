"""A hundred million mails a day: the steady rate that this makes, and what it keeps busy."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from statistics import quantiles
from typing import Final

from tests.bench import contenders as who
from tests.bench import load
from tests.bench.contenders import Contender, Stage
from tests.bench.lanes import Run
from tests.bench.race import check_alive, running, stage
from tests.bench.series import Figure, Series
from tests.bench.servers import cpu_seconds, family, resident, wait_until

_A_DAY: Final = 100_000_000 / 86_400
"""Mails per second, on average."""
_TIMES: Final = (1, 2)
"""The average, and twice as much: publisher and relay need a part of the two cores, too."""
_TICK: Final = 0.05
_WARM_UP: Final = 2_000
_ORGS: Final = 100


def day(run: Run) -> Figure:
    """Offer a steady rate, and measure what is busy with it and what waits."""
    seconds = 20.0 if run.quick else 120.0
    series = []
    for times in _TIMES:
        run.tell(f"{times * _A_DAY:,.0f} mails/s for {seconds:.0f} s")
        series += _steady(run, times * _A_DAY, seconds)
    note = "Publisher and relay work on the same two cores; their share is not told."
    return Figure("day", "A hundred million mails a day, 2 processes", series, notes=[note])


@dataclass(slots=True)
class _Offered:
    """What was published, and what waited meanwhile."""

    count: int = 0
    waited: list[int] = field(default_factory=list)


def _steady(run: Run, rate: float, seconds: float) -> list[Series]:
    contender = who.ours(2, orgs=_ORGS)
    with stage(run.templates) as here, running(contender, here) as processes:
        _warm(contender, here)
        workers = [pid for process in processes for pid in family(process.pid)]
        valkey = here.valkey.pid
        first, used, memory = contender.done(here), _used(workers), here.valkey.memory
        store, begun = cpu_seconds(valkey), time.monotonic()
        offered = _offer(here, rate, seconds)
        check_alive(processes, here)
        wait_until(lambda: contender.done(here) - first >= offered.count, "all are mailed")
        took = time.monotonic() - begun
        done = contender.done(here) - first
        name = f"{rate:,.0f} offered a second"
        found = {
            "mailed": ("mails/s", done / took),
            "99 % of the time fewer wait than": ("events", quantiles(offered.waited, n=100)[98]),
            "workers": ("cores", (_used(workers) - used) / took),
            "Valkey": ("cores", (cpu_seconds(valkey) - store) / took),
            "store, a mail": ("bytes", (here.valkey.memory - memory) / done),
            "a worker process": ("MB", max(map(resident, workers)) / 1e6),
        }
    return [Series(f"{name}: {what}", unit, [value]) for what, (unit, value) in found.items()]


def _warm(contender: Contender, here: Stage) -> None:
    contender.fill(here, _WARM_UP)
    wait_until(lambda: contender.done(here) >= _WARM_UP, "the workers are warm")


def _used(pids: list[int]) -> float:
    return sum(map(cpu_seconds, pids))


def _offer(here: Stage, rate: float, seconds: float) -> _Offered:
    """Publish at the rate, in small batches, and look at what waits before each."""
    offered, messages, begun = _Offered(), _messages(), time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        if due := int(now * rate) - offered.count:
            here.valkey.client.lpush(load.QUEUE, *islice(messages, due))
            offered.count += due
        offered.waited.append(load.waiting(here.valkey.client))
        time.sleep(max(0.0, _TICK - (time.monotonic() - begun - now)))
    return offered


def _messages() -> Iterator[bytes]:
    for event in load.events(1_000_000_000, orgs=_ORGS):
        yield load.message(load.TASK, event)
