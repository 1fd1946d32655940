"""The same tasks under every pool, and what only ours can."""

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from tests.integration.broker.processes import Broker, Worker, wait_until

Start = Callable[..., Worker]


def hold(producer: Celery, *names: str, seconds: float = 0.01) -> list[AsyncResult[Any]]:
    return [
        producer.send_task("hold", args=[name, seconds], queue="notifications") for name in names
    ]


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_every_pool_runs_the_same_tasks(
    broker: Broker, start: Start, producer: Celery, pool: str
) -> None:
    worker = start("-c 2", TEST_POOL=pool).ready()
    names = [f"m{number}" for number in range(6)]
    hold(producer, *names)
    wait_until(lambda: sorted(broker.done()) == names, what="done")
    wait_until(lambda: broker.held() == 0, what="settled")
    broker.client.lpush("notifications", "garbage")
    wait_until(lambda: broker.client.hlen("nd:quarantine") == 1, what="put aside")
    assert worker.stop() == 0


@pytest.mark.faults
def test_a_prefork_child_that_is_killed_takes_nothing_with_it(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 1", TEST_POOL="prefork").ready()
    hold(producer, "doomed", seconds=60.0)
    wait_until(lambda: broker.done("begun"), what="begun")
    worker.kill_children()
    # The child that replaces it gets it again.
    wait_until(lambda: len(broker.done("begun")) == 2, 20, "begun again")
    assert broker.held() == 1


def test_a_task_revoked_while_it_waits_in_the_pool_never_starts(
    broker: Broker, start: Start, producer: Celery
) -> None:
    # More credit than slots: one slot and the two of the policies.
    worker = start("-c 1", TEST_MULTIPLIER="8").ready()
    hold(producer, "a", "b", "c", seconds=1.5)
    wait_until(lambda: len(broker.done("begun")) == 3, what="slots used")
    revoked, _ = hold(producer, "revoked", "last")
    wait_until(lambda: broker.held() == 5, what="two wait in the pool")
    producer.control.revoke(revoked.id, reply=True, limit=1, timeout=5)

    wait_until(lambda: "last" in broker.done(), what="last done")
    wait_until(lambda: broker.held() == 0, what="settled")
    assert "revoked" not in broker.done("begun")
    assert "Discarding revoked task" in worker.text


def test_a_pool_grows_and_shrinks_by_remote_control(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start("-c 1", TEST_MULTIPLIER="8").ready()
    hold(producer, *[f"m{number}" for number in range(6)], seconds=1.5)
    wait_until(lambda: len(broker.done("begun")) == 3, what="slots used")
    producer.control.pool_grow(2, reply=True, limit=1, timeout=5)
    producer.control.pool_shrink(1, reply=True, limit=1, timeout=5)
    (stats,) = producer.control.broadcast("stats", reply=True, limit=1, timeout=5)
    (answer,) = stats.values()
    assert answer["pool"]["max-concurrency"] == 2
    wait_until(lambda: len(broker.done()) == 6, what="done")
    wait_until(lambda: broker.held() == 0, what="settled")


def test_a_rate_limit_of_remote_control_holds_back(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start("-c 4").ready()
    producer.control.rate_limit("hold", "1/h", reply=True, limit=1, timeout=5)
    hold(producer, "first", "second")
    wait_until(lambda: broker.done() == ["first"], what="first done")
    producer.control.rate_limit("hold", 0, reply=True, limit=1, timeout=5)
    hold(producer, "third")
    wait_until(lambda: "third" in broker.done(), what="no limit any more")


@pytest.mark.faults
def test_a_worker_meets_others_as_it_starts(broker: Broker, start: Start, producer: Celery) -> None:
    start("-c 1").ready()
    late = start("-c 1", TEST_MINGLE="yes").ready()
    assert "sync with 1 nodes" in late.text
    hold(producer, *[f"m{number}" for number in range(4)])
    wait_until(lambda: len(broker.done()) == 4, what="done")
    late.send(signal.SIGTERM)
    assert late.process.wait(20) == 0


def test_events_of_tasks_can_be_turned_on_while_a_worker_runs(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start("-c 1", TEST_EVENTS="no").ready()
    seen: list[str] = []
    with producer.connection() as connection:
        receiver = producer.events.Receiver(
            connection, handlers={"*": lambda event: seen.append(event["type"])}
        )
        with receiver.consumer_context() as (own, _, _):
            with suppress(TimeoutError):
                own.drain_events(timeout=0.1)  # it listens from its first turn on
            hold(producer, "unseen")
            wait_until(lambda: broker.done() and broker.held() == 0, what="done")
            producer.control.enable_events(reply=True, limit=1, timeout=5)
            hold(producer, "seen")

            def told() -> bool:
                own.drain_events(timeout=5)
                return "task-succeeded" in seen

            wait_until(told, what="told")
    tasks = [name for name in seen if name.startswith("task-")]
    assert tasks == ["task-received", "task-started", "task-succeeded"]
