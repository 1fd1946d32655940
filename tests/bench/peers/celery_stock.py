"""Celery as it comes: ``celery -A tests.bench.peers.celery_stock worker``."""

import os
from typing import Any, Final

from celery import Celery

from tests.bench.peers.mail import VALKEY, send

app: Final = Celery("stock", broker=f"redis+socket://{VALKEY}?virtual_host=0")
app.conf.update(
    task_default_queue="notifications",
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


def mail(event: dict[str, Any]) -> None:
    """Mail an event."""
    send(event)


def nothing(event: dict[str, Any]) -> None:
    """Do nothing."""


app.task(name="bench.mail")(mail)
app.task(name="bench.nothing")(nothing)

if os.environ.get("BENCH_ENGINE") == "ours":
    from dispatcher.adapters.broker import transport

    transport.install()
    app.conf.update(
        task_acks_late=True,
        worker_pool="dispatcher.adapters.broker.pool:TaskPool",
        worker_consumer="dispatcher.adapters.broker.consumer:Consumer",
        worker_concurrency=128,
        worker_prefetch_multiplier=2,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
