"""Celery's remote control, events and shutdown with our pool."""

import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from tests.integration.broker.processes import Broker, Worker, wait_until

Start = Callable[..., Worker]


@pytest.fixture
def inspect(producer: Celery) -> Callable[..., Any]:
    """Ask the one worker something; waits for its answer only."""

    def ask(what: str, *args: Any) -> Any:
        replies = producer.control.broadcast(what, args and args[0], reply=True, limit=1, timeout=5)
        return next(iter(replies[0].values()))

    return ask


def test_inspect_shows_what_runs_and_never_the_arguments(
    broker: Broker, start: Start, producer: Celery, inspect: Callable[..., Any]
) -> None:
    worker = start("-c 2").ready()
    result: AsyncResult[Any] = producer.send_task(
        "hold", args=["ann@example.org", 30.0], queue="notifications"
    )
    wait_until(lambda: broker.done("begun"), what="begun")

    assert inspect("ping") == {"ok": "pong"}
    (active,) = inspect("active")
    assert (active["id"], active["name"]) == (result.id, "hold")
    assert inspect("stats")["pool"]["running"] == 1
    assert inspect("query_task", {"ids": [result.id]})[result.id][0] == "active"
    everything = f"{active}{inspect('reserved')}{inspect('stats')}{worker.text}"
    assert "ann@example.org" not in everything


def test_monitoring_events_tell_the_story_of_a_task_without_its_arguments(
    start: Start, producer: Celery
) -> None:
    seen: list[dict[str, Any]] = []
    listening, over = Event(), Event()

    def receive(event: dict[str, Any]) -> None:
        if event["type"].startswith("task-"):
            seen.append(event)
        if event["type"] == "task-succeeded":
            over.set()

    def listen() -> None:
        with producer.connection() as connection:
            receiver = producer.events.Receiver(connection, handlers={"*": receive})
            with receiver.consumer_context() as (own, _, _):
                listening.set()
                while not over.is_set():
                    with suppress(TimeoutError):
                        own.drain_events(timeout=0.2)

    listener = Thread(target=listen)
    listener.start()
    listening.wait(5)
    start("-E").ready()
    producer.send_task("record", args=["ann@example.org"], queue="notifications")
    listener.join(20)

    assert [event["type"] for event in seen] == ["task-received", "task-started", "task-succeeded"]
    assert "ann@example.org" not in str(seen)


def test_a_revoked_task_that_waits_is_not_run(
    broker: Broker, start: Start, producer: Celery, inspect: Callable[..., Any]
) -> None:
    start("-c 1").ready()
    for number in range(3):
        # The pool has room for its own and the policies' credit.
        producer.send_task("hold", args=[f"m{number}", 1.0], queue="notifications")
    revoked: AsyncResult[Any] = producer.send_task(
        "record", args=["revoked"], queue="notifications"
    )
    inspect("revoke", {"task_id": revoked.id})
    producer.send_task("record", args=["last"], queue="notifications")

    wait_until(lambda: "last" in broker.done(), what="last done")
    assert "revoked" not in broker.done()
    wait_until(lambda: broker.held() == 0, what="settled")


def test_a_running_task_can_be_terminated(
    broker: Broker, start: Start, producer: Celery, inspect: Callable[..., Any]
) -> None:
    start("-c 1").ready()
    result: AsyncResult[Any] = producer.send_task(
        "hold", args=["long", 60.0], queue="notifications"
    )
    wait_until(lambda: broker.done("begun"), what="begun")
    inspect("revoke", {"task_id": result.id, "terminate": True})
    producer.send_task("record", args=["next"], queue="notifications")
    wait_until(lambda: broker.done() == ["next"], what="the slot is free")
    wait_until(lambda: broker.held() == 0, what="settled")


def test_a_soft_time_limit_fails_the_task_and_nothing_else(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 2").ready()
    producer.send_task("hold", args=["soft", 60.0], queue="notifications", soft_time_limit=0.2)
    producer.send_task("hold", args=["hard", 60.0], queue="notifications", time_limit=0.2)
    wait_until(lambda: broker.held() + broker.queued() == 0, what="both settled")
    wait_until(lambda: "SoftTimeLimitExceeded" in worker.text, what="soft")
    wait_until(lambda: "TimeLimitExceeded(0.2" in worker.text or "Hard time" in worker.text)
    assert broker.done() == []


def test_a_warm_shutdown_lets_running_tasks_end(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 2").ready()
    for number in range(4):
        producer.send_task("hold", args=[f"m{number}", 1.5], queue="notifications")
    wait_until(lambda: len(broker.done("begun")) == 2, what="begun")

    assert worker.stop() == 0
    assert len(broker.done()) == 2
    assert (broker.queued(), broker.held()) == (2, 0)


def test_what_does_not_end_within_the_drain_time_is_handed_back(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 2", TEST_DRAIN="0.5").ready()
    for number in range(3):
        producer.send_task("hold", args=[f"m{number}", 60.0], queue="notifications")
    wait_until(lambda: len(broker.done("begun")) == 2, what="begun")

    assert worker.stop() == 0
    assert (broker.queued(), broker.held()) == (3, 0)


def test_remote_shutdown_is_a_warm_one(broker: Broker, start: Start, producer: Celery) -> None:
    worker = start("-c 2").ready()
    producer.send_task("hold", args=["m", 1.0], queue="notifications")
    wait_until(lambda: broker.done("begun"), what="begun")
    producer.control.shutdown()
    assert worker.process.wait(20) == 0
    assert broker.done() == ["m"]
    assert broker.held() == 0


def test_a_cold_shutdown_after_a_soft_one_hands_back_what_has_not_ended(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start("-c 2", TEST_SOFT="1.5").ready()
    producer.send_task("hold", args=["short", 0.5], queue="notifications")
    producer.send_task("hold", args=["long", 60.0], queue="notifications")
    wait_until(lambda: len(broker.done("begun")) == 2, what="begun")
    worker.send(signal.SIGQUIT)
    worker.process.wait(20)
    assert broker.done() == ["short"]
    assert (broker.queued(), broker.held()) == (1, 0)


def test_a_failing_task_settles_its_message(broker: Broker, start: Start, producer: Celery) -> None:
    worker = start().ready()
    producer.send_task("fail", args=["ann@example.org"], queue="notifications")
    wait_until(lambda: "ValueError" in worker.text, what="failed")
    wait_until(lambda: broker.held() + broker.queued() == 0, what="settled")
    assert "ann@example.org" not in worker.text
