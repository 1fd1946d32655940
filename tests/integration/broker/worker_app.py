"""The app of the worker processes that these tests start; settings come from the environment."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals
from kombu import Queue

ENGINE = os.environ.get("TEST_ENGINE", "ours")
URL = os.environ.get("TEST_URL", "")
KIND = {"x-queue-type": "quorum"} if URL.startswith("amqp") else None
SOCKET = os.environ["TEST_SOCKET"]

app = Celery("worker_app")
app.conf.update(
    broker_url=URL or f"redis+socket://{SOCKET}?virtual_host=0",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_queues=[
        Queue("notifications", routing_key="notifications", queue_arguments=KIND),
        Queue("policies", routing_key="policies", queue_arguments=KIND),
    ],
    task_default_queue="notifications",
    worker_prefetch_multiplier=int(os.environ.get("TEST_MULTIPLIER", "1")),
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_drain_timeout=float(os.environ.get("TEST_DRAIN", "10")),
    worker_soft_shutdown_timeout=float(os.environ.get("TEST_SOFT", "0")),
    broker_transport_options={"confirm_publish": True}
    if KIND
    else {
        "global_keyprefix": os.environ.get("TEST_PREFIX", ""),
        "reserved_credit": {"policies": 2},
        "task_names": ["record", "hold", "block", "fail"],
        # Stock kombu must have its fair chance to bring messages back, too.
        "visibility_timeout": 5,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
    }
    | ({"master_name": os.environ["TEST_MASTER"]} if "TEST_MASTER" in os.environ else {})
    | ({"lease": float(os.environ["TEST_LEASE"])} if "TEST_LEASE" in os.environ else {}),
)
app.conf.worker_enable_remote_control = os.environ.get("TEST_REMOTE") != "no"
app.conf.worker_send_task_events = "no" not in (
    os.environ.get("TEST_REMOTE"),
    os.environ.get("TEST_EVENTS"),
)
if ENGINE == "ours":
    from dispatcher.adapters.broker.loop import current_loop_thread
    from dispatcher.adapters.broker.transport import install

    install()
    app.conf.worker_consumer = "dispatcher.adapters.broker.consumer:Consumer"
    app.conf.worker_pool = os.environ.get("TEST_POOL", "dispatcher.adapters.broker.pool:TaskPool")


@signals.worker_ready.connect  # type: ignore[untyped-decorator]  # celery ships no types
def _sabotage(sender: Any, **_: object) -> None:
    """Break the worker from inside in the way that the test names."""
    way = os.environ.get("TEST_SABOTAGE")
    channel = sender.task_consumer.channel
    if way == "leak credit":
        channel.qos._in_flight.update({"policies": 2})
        channel.qos._delivered.update({f"ghost{number}": None for number in range(1000)})
    elif way == "stop reading":
        sender.hub.call_soon(time.sleep, 3600)


def note(key: str, value: str) -> None:
    """Tell the test, without the broker: it may be down."""
    with (Path(os.environ["TEST_NOTES"]) / key).open("a") as notes:
        notes.write(f"{value}\n")


@app.task(name="record")  # type: ignore[untyped-decorator]  # celery ships no types
def record(name: str) -> None:
    note("done", name)


@app.task(name="hold")  # type: ignore[untyped-decorator]  # celery ships no types
def hold(name: str, seconds: float) -> None:
    note("begun", name)
    if ENGINE == "ours":
        current_loop_thread().run(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)
    note("done", name)


@app.task(name="block")  # type: ignore[untyped-decorator]  # celery ships no types
def block(name: str, seconds: float) -> None:
    note("begun", name)
    time.sleep(seconds)
    note("done", name)


@app.task(name="fail")  # type: ignore[untyped-decorator]  # celery ships no types
def fail(*_: Any) -> None:
    raise ValueError("as asked")
