"""How it holds: a deep queue, many policies, memory, bytes per delivery, latency."""

import random
import time
from contextlib import ExitStack
from statistics import quantiles
from typing import Final

from celery import Celery

from tests.bench import contenders as who
from tests.bench import load
from tests.bench.contenders import Contender, Stage
from tests.bench.lanes import Lane, Run, interleave
from tests.bench.race import check_alive, heat, running, stage
from tests.bench.series import Claim, Figure, Series, ratio

_MB: Final = 1_000_000
_WARM_UP: Final = 20


def backlog(run: Run) -> Figure:
    """Measure with a deep queue against a shallow one, and the worker's memory then."""
    shallow, deep = 10_000, 200_000 if run.quick else 1_000_000
    contender = who.ours(2)
    memory = Series(f"a worker process at {deep:,} queued", "MB")
    with ExitStack() as stack:
        lanes = []
        for depth in (shallow, deep):
            here = stack.enter_context(stage(run.templates))

            def measure(here: Stage = here, depth: int = depth) -> float:
                queued = load.waiting(here.valkey.client)
                contender.fill(here, depth - queued)
                seen = heat(contender, here, min(depth, run.scaled(40_000)))
                if depth == deep:
                    memory.values.append(seen.memory / _MB)
                return seen.rate

            lanes.append(Lane(Series(f"{depth:,} queued", "mails/s"), measure))
        few, many = interleave(run, lanes, _few(run))
    claims = [
        ratio(f"{deep:,} queued against {shallow:,}", 0.9, many, few),
        Claim(f"memory at {deep:,} queued", 100, memory.median, at_least=False, unit="MB"),
    ]
    return Figure("backlog", "A deep queue, 2 processes", [few, many, memory], claims)


def policies(run: Run) -> Figure:
    """Measure with many organizations' policies against few."""
    few, many = 100, 100_000 if run.quick else 1_000_000
    with ExitStack() as stack:
        lanes = []
        for count in (few, many):
            here = stack.enter_context(stage(run.templates))
            run.tell(f"writing {count:,} policies")
            load.keep_policies(here.valkey.url, count)
            contender = who.ours(2, orgs=count)

            def measure(here: Stage = here, contender: Contender = contender) -> float:
                load.empty(here.valkey.client)
                messages = run.scaled(20_000)
                contender.fill(here, messages)
                return heat(contender, here, messages).rate

            lanes.append(Lane(Series(f"{count:,} policies", "mails/s"), measure))
        fewer, more = interleave(run, lanes, _few(run))
    claim = ratio(f"{many:,} policies against {few}", 0.95, more, fewer)
    return Figure("policies", "Many policies, 2 processes", [fewer, more], [claim])


def store_bytes(run: Run) -> Figure:
    """Measure what a finished delivery leaves in the store."""
    messages, contender = run.scaled(100_000), who.ours(2)

    def measure() -> float:
        with stage(run.templates) as here:
            before = here.valkey.memory
            contender.fill(here, messages)
            heat(contender, here, messages)
            load.empty(here.valkey.client)
            return (here.valkey.memory - before) / who.counted("sent")(here)

    lane = Lane(Series("memory of the store per finished delivery", "bytes"), measure)
    (series,) = interleave(run, [lane], 1)
    claim = Claim("store per finished delivery", 200, series.median, at_least=False, unit="bytes")
    note = f"Over {messages:,} deliveries; the index's 8,192 buckets weigh less the more there are."
    return Figure("store", "Bytes kept per finished delivery", [series], [claim], [note])


def latency(run: Run) -> Figure:
    """Measure from a producer's call to the relay's 250 while nothing else is to do."""
    ours, celery = who.ours(1), who.celery_mail()
    names = [("this worker", ours, load.TASK), ("Celery + smtplib", celery, "bench.mail")]
    series = {
        (name, point): Series(f"{name}, {point}", "ms")
        for name, *_ in names
        for point in ("p50", "p99")
    }
    for number in range(1, run.rounds + 1):
        for name, contender, task in names:
            run.tell(f"latency of {name}, round {number}")
            found = quantiles(_latencies(run, contender, task), n=100)
            series[name, "p50"].values.append(found[49])
            series[name, "p99"].values.append(found[98])
    claims = [
        Claim("idle, p50", 3.0, series["this worker", "p50"].median, at_least=False, unit="ms"),
        Claim("idle, p99", 10.0, series["this worker", "p99"].median, at_least=False, unit="ms"),
    ]
    return Figure("latency", "Idle: publish → the relay's 250", [*series.values()], claims)


def _latencies(run: Run, contender: Contender, task: str) -> list[float]:
    """Return milliseconds, one by one, each published while everything is idle."""
    pauses, found = random.Random(1), []
    with stage(run.templates, "--stamps") as here, running(contender, here) as processes:
        producer = Celery(broker=here.valkey.celery_url)
        for number in range(run.scaled(500) + _WARM_UP):
            event = load.event(f"idle-{number}", number=number)
            published = time.monotonic()
            producer.send_task(task, [event], queue=load.QUEUE, ignore_result=True)
            if not number:
                check_alive(processes, here)
            recipient, taken = here.sink.stamp()
            assert recipient == event["user"]["email"]
            if number >= _WARM_UP:
                found.append((taken - published) * 1000)
            time.sleep(pauses.uniform(0.005, 0.02))
        producer.close()
    return found


def _few(run: Run) -> int:
    return 1 if run.quick else run.rounds
