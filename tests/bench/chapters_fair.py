"""How fair it is: one organization's burst, and another's single events meanwhile."""

import threading
import time
from statistics import quantiles
from typing import Final

from celery import Celery

from tests.bench import contenders as who
from tests.bench import load
from tests.bench.contenders import Contender, Stage
from tests.bench.lanes import Lane, Run, interleave
from tests.bench.race import running, stage
from tests.bench.series import Claim, Figure, Series, ratio

_EVERY: Final = 0.2
"""Seconds between two single events."""
_QUIET: Final = "quiet"
_FIRST, _LAST = 0.05, 0.9
"""The part of the burst in which rates are compared."""


def fairness(run: Run) -> Figure:
    """Measure what a burst costs others, and what fairness costs the burst."""
    burst = run.scaled(100_000)
    fair, unfair = who.ours_of_one(fair=True), who.ours_of_one(fair=False)
    slowest = Series("another's single event, slowest", "ms")
    p99 = Series("another's single event, p99", "ms")

    def with_singles() -> float:
        rate, delays = _rate(run, fair, burst)
        slowest.values.append(max(delays) * 1000)
        p99.values.append(quantiles(delays, n=100, method="inclusive")[98] * 1000)
        return rate

    lanes = [
        Lane(Series("the burst, in turn with others", "mails/s"), with_singles),
        Lane(
            Series("the same in order of arrival", "mails/s"), lambda: _rate(run, unfair, burst)[0]
        ),
    ]
    taking_turns, as_they_came = interleave(run, lanes, 1 if run.quick else min(run.rounds, 3))
    claims = [
        Claim("another's single event", 1000, slowest.median, at_least=False, unit="ms"),
        ratio("the burst's rate, in turn against in order", 0.95, taking_turns, as_they_came),
    ]
    note = f"{burst:,} events of one organization queued, then one of another every {_EVERY} s."
    series = [p99, slowest, taking_turns, as_they_came]
    return Figure("fair", "One organization's burst, 2 processes", series, claims, [note])


def _rate(run: Run, contender: Contender, burst: int) -> tuple[float, list[float]]:
    """Return mails per second of a burst, and the seconds that each single event took."""
    with stage(run.templates, "--stamps") as here, running(contender, here):
        contender.fill(here, 1)  # the workers are up when this one is through
        here.sink.stamp()
        contender.fill(here, burst)
        published: dict[str, float] = {}
        stop = threading.Event()
        beside = threading.Thread(target=_publish_singles, args=(here, published, stop))
        beside.start()
        try:
            taken = [here.sink.stamp() for _ in range(int(burst * _LAST))]
        finally:
            stop.set()
            beside.join()
    first = int(burst * _FIRST)
    rate = (len(taken) - 1 - first) / (taken[-1][1] - taken[first][1])
    singles = {recipient: at for recipient, at in taken if recipient in published}
    waiting = {to: at for to, at in published.items() if at < taken[-1][1] - 1.0}
    missing = max(taken[-1][1] - at for at in waiting.values())
    return rate, [singles[to] - at if to in singles else missing for to, at in waiting.items()]


def _publish_singles(here: Stage, published: dict[str, float], stop: threading.Event) -> None:
    producer = Celery(broker=here.valkey.celery_url)
    number = 0
    while not stop.wait(_EVERY):
        number += 1
        event = load.event(f"single-{number}", org=_QUIET)
        event["user"]["email"] = f"single{number}@bench.example"
        published[event["user"]["email"]] = time.monotonic()
        producer.send_task(load.TASK, [event], queue=load.QUEUE, ignore_result=True)
    producer.close()
