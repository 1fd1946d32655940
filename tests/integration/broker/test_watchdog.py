"""A worker that is connected but does not consume ends; one that is merely idle or alone stays."""

from collections.abc import Callable

import pytest
from celery import Celery

from dispatcher.adapters.broker.watchdog import EX_SOFTWARE
from tests.integration.broker.processes import Broker, Worker, stays, wait_until

Start = Callable[..., Worker]


@pytest.mark.parametrize(
    ("way", "complaint"),
    [
        ("leak credit", "all credit is used up"),
        ("stop reading", "the broker's answers are not being read"),
    ],
)
def test_a_worker_that_is_connected_but_does_not_consume_ends(
    broker: Broker, start: Start, producer: Celery, way: str, complaint: str
) -> None:
    worker = start("-c 1", TEST_SABOTAGE=way, TEST_LEASE="1").ready()
    producer.send_task("record", args=["m"], queue="notifications")
    assert worker.process.wait(20) == EX_SOFTWARE
    assert complaint in worker.text
    assert broker.done() == []
    assert broker.queued() == 1


@pytest.mark.faults
def test_a_worker_that_is_idle_or_without_broker_or_busy_stays(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 1", TEST_LEASE="1").ready()
    assert stays(lambda: worker.process.poll() is None, 2.5)
    broker.kill()
    assert stays(lambda: worker.process.poll() is None, 2.5)
    broker.start()
    producer.send_task("hold", args=["m", 2.5], queue="notifications")
    wait_until(lambda: broker.done() == ["m"], 20, "done")
    assert worker.process.poll() is None
    assert "not consuming" not in worker.text
