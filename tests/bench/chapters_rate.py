"""How fast: the whole job, nothing, silence, far relays, encryption."""

import subprocess
import sys
from typing import Final

from tests.bench import contenders as who
from tests.bench.lanes import Heats, Lane, Run, interleave
from tests.bench.postfix import smtp_source
from tests.bench.series import Claim, Figure, Series, ratio
from tests.bench.servers import sink

_FAR: Final = 0.02
_CONNECTIONS: Final = 16


def whole_job(run: Run) -> Figure:
    """Measure everybody doing the main job."""
    heats = Heats(run)
    one, two = heats.lane(who.ours(1)), heats.lane(who.ours(2))
    celery, bullmq = heats.lane(who.celery_mail()), heats.lane(who.bullmq_mail())
    to_ours, to_theirs = smtp_source(run, own_sink=True), smtp_source(run, own_sink=False)
    durable, telling = "appendfsync always", "a log line per delivery"
    series = interleave(
        run,
        [
            *(one, two),
            heats.lane(who.ours(1, variant=durable, fsync="always")),
            heats.lane(who.ours(2, variant=durable, fsync="always")),
            heats.lane(who.ours(2, variant=telling, log_level="info")),
            *(celery, heats.lane(who.dramatiq_mail()), heats.lane(who.arq_mail()), bullmq),
            *(to_ours, to_theirs),
        ],
    )
    claims = [
        ratio("2 processes against BullMQ + pooled nodemailer", 3.0, two.series, bullmq.series),
        ratio("2 processes against Celery + smtplib", 12.0, two.series, celery.series),
        ratio("2 processes against smtp-source → smtp-sink", 0.35, two.series, to_theirs.series),
    ]
    note = f"The sink never used more than {heats.sink_load:.0%} of a core."
    series += heats.processor()
    return Figure("job", "The whole main job", series, claims, [note])


def nothing(run: Run) -> Figure:
    """Measure the engine without a job."""
    heats, many, few = Heats(run), 40_000, 4_000
    ours = heats.lane(who.celery_nothing("", many, run.scaled(many), engine="ours"), unit="tasks/s")
    stock = [
        heats.lane(who.celery_nothing(pool, few, run.scaled(few)), unit="tasks/s")
        for pool in ("prefork", "solo")
    ]
    series = interleave(run, [ours, *stock])
    best = max((lane.series for lane in stock), key=lambda each: each.median)
    claim = ratio(f"against the best of stock Celery ({best.name})", 8.0, ours.series, best)
    return Figure("nothing", "A task that does nothing", series, [claim])


def silence(run: Run) -> Figure:
    """Measure events of organizations that want no mail."""
    contender = who.ours(
        2,
        variant="policy off",
        messages=40_000,
        done=who.counted("skipped"),
        default_password_change="false",
    )
    (series,) = interleave(run, [Heats(run).lane(contender, unit="events/s")])
    claim = Claim("events skipped, 2 processes", 8000, series.median, unit="events/s")
    return Figure("off", "Policy off", [series], [claim])


def far_relay(run: Run) -> Figure:
    """Measure with a relay 20 ms away, everybody over 16 connections."""
    heats = Heats(run)
    ours = heats.lane(who.ours(1, messages=4000), round_trip=_FAR)
    theirs = heats.lane(who.bullmq_mail(1, messages=1500), round_trip=_FAR)
    series = interleave(run, [ours, theirs])
    claim = ratio("against nodemailer with as many connections", 2.0, ours.series, theirs.series)
    note = f"One mail per round trip and connection would be {_CONNECTIONS / _FAR:.0f} mails/s."
    return Figure("far", "A relay 20 ms away, 16 connections", series, [claim], [note])


def encrypted(run: Run) -> Figure:
    """Measure STARTTLS against clear text."""
    heats = Heats(run)
    clear = heats.lane(who.ours(2, variant="clear text"))
    secret = heats.lane(who.ours(2, variant="STARTTLS"), starttls=True)
    series = interleave(run, [clear, secret])
    claim = ratio("STARTTLS against clear text", 0.8, secret.series, clear.series)
    note = f"The sink, which decrypts on the same cores, used up to {heats.sink_load:.0%} of one."
    return Figure("starttls", "STARTTLS, 2 processes", series, [claim], [note])


def sink_alone(run: Run) -> Figure:
    """Measure what the sink could take."""
    messages, size = run.scaled(60_000), str(run.mail_bytes)

    def measure() -> float:
        with sink() as relay:
            command = [sys.executable, "-m", "tests.bench.flood", str(relay.port), str(messages)]
            return float(subprocess.run([*command, size], check=True, capture_output=True).stdout)

    series = interleave(run, [Lane(Series("the sink alone, pipelined", "mails/s"), measure)])
    return Figure("sink", "The sink alone", series)
