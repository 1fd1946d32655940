"""A RabbitMQ node that can be killed, stopped and choked, and a producer that insists."""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from celery import Celery

from tests.acceptance import rabbitmq_node
from tests.faults.load import QUEUE, TASK

_CONTROL: Final = rabbitmq_node.SERVER.with_name("rabbitmqctl")


class Node:
    """One node, beside a port mapper that outlives it.

    Args:
        folder: Where its files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, distribution, mapper = rabbitmq_node._free_ports(3)
        self._env = rabbitmq_node._environment(
            folder, amqp=self._port, distribution=distribution, mapper=mapper
        )
        epmd = ["epmd", "-port", str(mapper), "-address", "127.0.0.1"]
        self._mapper = subprocess.Popen(epmd, env=self._env, start_new_session=True)
        self._node: subprocess.Popen[bytes] | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        path = self._folder / "node.log"
        with path.open("ab") as log:
            self._node = subprocess.Popen(
                [str(rabbitmq_node.SERVER)],
                cwd=self._folder,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        rabbitmq_node._wait_until_ready(self._port, self._node, path)

    def kill(self) -> None:
        """Kill -9 of the whole node."""
        if self._node is not None:
            os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait()
            self._node = None

    def control(self, *arguments: str) -> None:
        command = (str(_CONTROL), "-n", "dispatcher-test@localhost", *arguments)
        subprocess.run(command, env=self._env, check=True, capture_output=True, timeout=60)

    def close(self) -> None:
        self.kill()
        self._mapper.kill()
        self._mapper.wait()


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
