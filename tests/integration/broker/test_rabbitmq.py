"""Our consumer and pool on kombu's own transport: RabbitMQ with quorum queues and confirms.

The main job through RabbitMQ is tests/acceptance/test_rabbitmq.py; these are the broker's faults.
"""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Queue

from dispatcher.adapters.broker.rabbit_quarantine import RabbitQuarantine
from tests.acceptance import rabbitmq_node
from tests.integration.broker.processes import Broker, Worker, wait_until

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.faults,
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]
Start = Callable[..., Worker]
QUEUE = Queue(
    "notifications", routing_key="notifications", queue_arguments={"x-queue-type": "quorum"}
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with rabbitmq_node.running(tmp_path_factory.mktemp("node")) as url:
        yield url


@pytest.fixture
def rabbit(url: str) -> Iterator[Celery]:
    with Connection(url) as connection:
        # A node that boots answers, and then closes its port once more.
        connection.ensure_connection(max_retries=20, interval_start=0.5)
        for queue in ("notifications", "policies", "dispatcher.quarantine"):
            connection.default_channel.queue_delete(queue)
    app = Celery("producer", broker=url)
    app.conf.update(task_ignore_result=True, broker_transport_options={"confirm_publish": True})
    yield app
    app.close()


def left(url: str) -> int:
    """Return how many messages are on the queue or held by a consumer."""
    with Connection(url) as connection:
        declared = connection.default_channel.queue_declare("notifications", passive=True)
        return int(declared.message_count)


def send(producer: Celery, task: str, *args: Any) -> None:
    producer.send_task(task, args=args, queue=QUEUE)


def test_what_a_killed_worker_held_is_done_by_another(
    broker: Broker, start: Start, rabbit: Celery, url: str
) -> None:
    doomed = start("-c 2", TEST_URL=url).ready()
    for number in range(2):
        send(rabbit, "hold", f"m{number}", 60.0)
    wait_until(lambda: len(broker.done("begun")) == 2, what="begun")
    doomed.send(signal.SIGKILL)
    start("-c 2", TEST_URL=url).ready()
    wait_until(lambda: len(broker.done("begun")) == 4, 20, "begun again")


def test_garbage_ends_no_worker(broker: Broker, start: Start, rabbit: Celery, url: str) -> None:
    worker = start("-c 2", TEST_URL=url).ready()
    with Connection(url) as connection:
        producer = connection.Producer()
        for body, headers in (
            (b"not json", {"task": "record", "id": "1"}),
            (b"[]", {"task": "record", "id": "2"}),
            (b"[[],{},{}]", {"task": "nowhere", "id": "3"}),
            (b"{}", {}),
        ):
            producer.publish(
                body,
                routing_key="notifications",
                content_type="application/json",
                content_encoding="utf-8",
                headers=headers,
            )
    send(rabbit, "record", "good")
    wait_until(lambda: broker.done() == ["good"], what="good done")
    wait_until(lambda: left(url) == 0, what="settled")
    assert worker.process.poll() is None
    kept = list(RabbitQuarantine(url).list())
    assert len(kept) == 4
    assert {one.raw for one in kept} == {b"not json", b"[]", b"[[],{},{}]", b"{}"}
    assert {one.queue for one in kept} == {"notifications"}


def test_what_was_put_aside_is_listed_shown_dropped_and_sent_back(
    broker: Broker, start: Start, rabbit: Celery, url: str
) -> None:
    del rabbit
    start("-c 2", TEST_URL=url).ready()
    quarantine = RabbitQuarantine(url)
    with Connection(url) as connection:
        for turn in range(3):
            connection.Producer().publish(
                b'[["m"],{},{}]' if turn == 2 else b"garbage",
                routing_key="notifications",
                content_type="application/json",
                content_encoding="utf-8",
                headers={"task": "nowhere", "id": f"{turn}"},
            )
    wait_until(lambda: len(quarantine) == 3, what="put aside")
    newest, *_ = kept = list(quarantine.list())
    assert kept == sorted(kept, key=lambda one: one.put_aside_at, reverse=True)
    assert list(quarantine.list(offset=1, limit=1)) == [kept[1]]
    assert quarantine.show(newest.id) == newest
    assert newest.reason == "unknown_task"
    assert quarantine.drop(kept[2].id)
    assert not quarantine.drop(kept[2].id)
    assert quarantine.show(kept[2].id) is None
    assert quarantine.requeue(newest.id)
    # Its cause was not mended: it comes back, as another entry.
    wait_until(lambda: len(quarantine) == 2 and quarantine.show(newest.id) is None, what="back")
    assert not quarantine.requeue("nowhere")
    assert broker.done() == []


def test_warm_shutdown_gives_back_what_has_not_started(
    broker: Broker, start: Start, rabbit: Celery, url: str
) -> None:
    worker = start("-c 2", TEST_URL=url).ready()
    for number in range(10):
        send(rabbit, "hold", f"m{number}", 1.0)
    wait_until(lambda: len(broker.done("begun")) >= 2, what="begun")
    assert worker.stop() == 0
    begun = len(broker.done("begun"))
    assert len(broker.done()) == begun
    wait_until(lambda: left(url) == 10 - begun, what="the others are back")
