"""Which server a mail keeps busy: broker and store apart, with Valkey or RabbitMQ as the broker."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from celery import Celery

from tests.acceptance.rabbitmq_node import Node, PortMapper, is_installed
from tests.bench import contenders as who
from tests.bench import load
from tests.bench.contenders import Contender, Stage, our_settings
from tests.bench.lanes import Run
from tests.bench.race import check_alive, running, stage
from tests.bench.series import Figure, Series
from tests.bench.servers import cpu_seconds, family, valkey, wait_until

_MESSAGES: Final = 20_000
_FIRST, _LAST = 0.1, 0.95
_MICROSECONDS: Final = 1_000_000
_ORGS: Final = 100


def split(run: Run) -> Figure:
    """Measure the processor time of each server, a mail."""
    run.tell("broker and store apart")
    series = _with_valkey(run)
    if is_installed():
        run.tell("RabbitMQ as the broker")
        series += _with_rabbitmq(run)
    else:
        series.append(Series("RabbitMQ as the broker", "", missing="rabbitmq-server is not there"))
    return Figure("split", "Broker and store apart, 2 processes", series)


def _with_valkey(run: Run) -> list[Series]:
    with stage(run.templates) as here, valkey(here.folder / "store") as store:
        contender = replace(
            who.ours(2, orgs=_ORGS), env=lambda at: our_settings(at, store_url=store.celery_url)
        )
        contender.fill(here, run.scaled(_MESSAGES))
        servers = {"Valkey, the broker": [here.valkey.pid], "Valkey, the store": [store.pid]}
        return _measured(run, contender, here, servers, "two Valkeys")


def _with_rabbitmq(run: Run) -> list[Series]:
    with stage(run.templates) as here, _rabbitmq(here.folder / "rabbitmq") as node:
        contender = replace(
            who.ours(2, orgs=_ORGS),
            env=lambda at: our_settings(at, store_url=at.valkey.celery_url, broker_url=node.url),
        )
        _publish(node.url, run.scaled(_MESSAGES))
        servers = {"RabbitMQ": family(node.pid), "Valkey, the store": [here.valkey.pid]}
        return _measured(run, contender, here, servers, "RabbitMQ and a Valkey")


def _measured(
    run: Run, contender: Contender, here: Stage, servers: dict[str, list[int]], name: str
) -> list[Series]:
    messages = run.scaled(_MESSAGES)
    with running(contender, here) as processes:

        def has_done(part: float) -> bool:
            check_alive(processes, here)
            return contender.done(here) >= messages * part

        wait_until(lambda: has_done(_FIRST), "it begins")
        shares = servers | {"workers": [pid for one in processes for pid in family(one.pid)]}
        before = {who: sum(map(cpu_seconds, pids)) for who, pids in shares.items()}
        first, begun = contender.done(here), time.monotonic()
        wait_until(lambda: has_done(_LAST), "it is through", within=120.0)
        done, seconds = contender.done(here) - first, time.monotonic() - begun
        spent = {who: sum(map(cpu_seconds, pids)) - before[who] for who, pids in shares.items()}
    rate = Series(f"{name}: rate", "mails/s", [done / seconds])
    return [
        rate,
        *(
            Series(f"{name}: {who}", "µs a mail", [used / done * _MICROSECONDS])
            for who, used in spent.items()
        ),
    ]


@contextmanager
def _rabbitmq(folder: Path) -> Iterator[Node]:
    folder.mkdir()
    with ExitStack() as stack:
        mapper = stack.enter_context(PortMapper(folder))
        yield stack.enter_context(Node(mapper))


def _publish(url: str, count: int) -> None:
    with Celery("producer", broker=url, set_as_current=False) as app:
        app.conf.task_create_missing_queue_type = "quorum"
        for event in load.events(count, orgs=_ORGS):
            app.send_task(load.TASK, [event], queue=load.QUEUE, ignore_result=True)
