"""What a canary's return is known by, in this process and in those it forks."""

import os
from time import monotonic

from celery import Celery

from dispatcher.adapters.broker.canary import Beat, Canary


def test_a_beat_is_seen_across_a_fork() -> None:
    beat, sent_at = Beat(), monotonic() - 0.5
    child = os.fork()
    if child == 0:
        beat.came_back(sent_at)
        os._exit(0)
    os.waitpid(child, 0)
    assert monotonic() - 5 < beat.returned_at <= monotonic()
    assert 0.5 <= beat.seconds < 5


def test_that_the_store_failed_is_kept_apart_from_what_came_back() -> None:
    beat = Beat()
    assert (beat.returned_at, beat.seconds, beat.store_failed_at) == (0.0, 0.0, 0.0)
    beat.came_back(monotonic())
    returned_at = beat.returned_at
    beat.met_no_store()
    assert beat.returned_at == returned_at
    assert beat.store_failed_at >= returned_at


def test_a_process_that_sends_none_is_not_ready() -> None:
    beat = Beat()
    canary = Canary(Celery(), "canary", beat)
    beat.came_back(monotonic())
    assert canary.reason() == "it is starting"
    assert canary.seconds is None


def test_each_worker_has_a_queue_of_its_own() -> None:
    app = Celery(set_as_current=False)
    canary = Canary(app, "canary", Beat())
    first, second = (canary.consume("worker1@here", classic=False) for _ in range(2))
    assert first != second
    assert first.startswith("dispatcher.canary.worker1@here.")
    assert canary.node == "worker1"
    assert set(app.amqp.queues.consume_from) >= {first, second}
    assert canary.is_here
