"""Our consumer and pool on kombu's own transport: RabbitMQ with quorum queues and confirms.

The main job through RabbitMQ is tests/acceptance/test_rabbitmq.py; these are the broker's faults.
"""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Queue

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
        for queue in ("notifications", "policies"):
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
