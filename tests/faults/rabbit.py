"""A RabbitMQ cluster that can lose a node, and a producer that insists."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any, Self

from celery import Celery

from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.faults.load import QUEUE, TASK


class Cluster:
    """Three nodes that keep a queue together; the first one is who is asked first.

    Args:
        mapper: Runs already.
    """

    def __init__(self, mapper: PortMapper) -> None:
        names = ("a", "b", "c")
        peers = [f"{name}@localhost" for name in names]
        self.nodes = {f"{name}@localhost": Node(mapper, name, peers) for name in names}
        self.url = ";".join(node.url for node in self.nodes.values())

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for node in self.nodes.values():
                stack.enter_context(node)
            self._nodes = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._nodes.close()

    def leader(self, queue: str) -> Node:
        """Return who leads the queue's quorum."""
        asked = next(iter(self.nodes.values()))
        listed = asked.control("list_queues", "name", "leader", "--no-table-headers")
        leaders = dict(line.split("\t") for line in listed.splitlines())
        return self.nodes[leaders[queue]]


class CeleryPublisher(threading.Thread):
    """Any Celery producer, with confirms: repeats until RabbitMQ says yes.

    Args:
        url: The broker.
        events: What to publish.
        accepted: Takes note of each event that the broker took.
        rate: Events per second.
    """

    def __init__(
        self,
        url: str,
        events: Sequence[dict[str, Any]],
        accepted: dict[str, dict[str, Any]],
        *,
        rate: float,
    ) -> None:
        super().__init__(name="publisher", daemon=True)
        self._app = Celery("producer", broker=url, set_as_current=False)
        self._app.conf.update(
            task_create_missing_queue_type="quorum",
            broker_transport_options={"confirm_publish": True},
            task_publish_retry=False,
        )
        self._events, self._accepted, self._rate = events, accepted, rate
        self.finished = False

    def run(self) -> None:
        started = monotonic()
        for count, event in enumerate(self._events):
            sleep(max(started + count / self._rate - monotonic(), 0.0))
            while not self._took(event):
                sleep(0.2)
            self._accepted[event["id"]] = event
        self.finished = True
        self._app.close()

    def done(self) -> None:
        """Wait until all of it is accepted."""
        self.join(120)
        assert self.finished, "the broker does not take it"

    def _took(self, event: dict[str, Any]) -> bool:
        try:
            self._app.send_task(TASK, [event], queue=QUEUE, ignore_result=True)
        except Exception:  # noqa: BLE001 - whatever the client raises, the event is not accepted
            return False
        return True
