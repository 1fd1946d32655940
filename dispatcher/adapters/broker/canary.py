"""A canary: a message that shows that this process really consumes.

Every few seconds a thread puts a small task on a queue of this process's own. Only if broker,
consumer, pool, event loop and store all do their part does it come back; its age is what a
readiness probe reads. Being connected, or answering `inspect ping`, shows none of that.
"""

import logging
import os
import struct
from collections.abc import Mapping
from mmap import mmap
from secrets import token_hex
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

from amqp.exceptions import AccessRefused
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.exceptions import KombuError
from kombu.messaging import Producer
from redis.exceptions import NoPermissionError

from dispatcher.adapters.broker.channel import BatchedChannel

_log: Final = logging.getLogger(__name__)

PREFIX: Final = "dispatcher.canary."

_PERIOD: Final = 2.5
PATIENCE: Final = 8.0
"""Seconds without a canary after which a process does not count as consuming: three periods."""

_LEFT_BEHIND: Final = 60
"""Seconds after which the broker forgets the queue of a process that is gone."""

_CONNECT: Final = 2.0
_TIMES: Final = struct.Struct("ddd")


def leave_out_forbidden(app: Celery, connection: Connection) -> None:
    """Consume no canaries where the broker's user may not: all else would not be consumed, either.

    Args:
        app: Whose queues these are.
        connection: As the worker's user; nothing consumes on it yet.
    """
    queues = app.amqp.queues
    for name, queue in tuple(queues.consume_from.items()):
        if name.startswith(PREFIX) and not _is_permitted(connection, queue):
            queues.deselect(name)
            _log.warning(
                "The broker's user may not use %s: this worker never counts as ready.", name
            )


def _is_permitted(connection: Connection, queue: Queue) -> bool:
    channel = connection.channel()
    try:
        if isinstance(channel, BatchedChannel):
            channel.open_client().exists(*channel.keys.lists(queue.name))
        else:
            queue(channel).declare()
    except (NoPermissionError, AccessRefused):  # RabbitMQ has closed the channel, too
        return False
    channel.close()
    return True


class Beat:
    """When the last canary came back: seen by this process and by those it forks from now on.

    The clock is the machine's monotonic one, which processes share.
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, _TIMES.size)

    @property
    def returned_at(self) -> float:
        """When the last one came back; 0.0 while none has."""
        return self._read()[0]

    @property
    def seconds(self) -> float:
        """How long it had been on its way."""
        return self._read()[1]

    @property
    def store_failed_at(self) -> float:
        """When one last found that the store did not answer; 0.0 if never."""
        return self._read()[2]

    def came_back(self, sent_at: float) -> None:
        """Note that a canary that was sent then came back now."""
        now = monotonic()
        _TIMES.pack_into(self._memory, 0, now, now - sent_at, self.store_failed_at)

    def met_no_store(self) -> None:
        """Note that the store did not answer."""
        returned_at, seconds, _ = self._read()
        _TIMES.pack_into(self._memory, 0, returned_at, seconds, monotonic())

    def _read(self) -> tuple[float, float, float]:
        return _TIMES.unpack_from(self._memory)


class Canary:
    """Sends canaries, and judges by those that came back whether this process consumes.

    Attributes:
        node: The worker's name, without its host.

    Args:
        app: The Celery app.
        task: The name of the task that takes a canary in and notes so in *beat*.
        beat: Where that is noted.
    """

    def __init__(self, app: Celery, task: str, beat: Beat) -> None:
        self._app, self._task, self._beat = app, task, beat
        self._queue: Queue | None = None
        self._pid = os.getpid()
        self.node = "worker"
        self._thread: Thread | None = None
        self._stop = Event()
        self._connection: Connection | None = None
        self._started_at = 0.0
        self._sent_at = 0.0
        self._trouble = ""

    def consume(self, node: str, *, classic: bool) -> str:
        """Let the worker of this name consume a queue of its own; return the queue's name.

        Args:
            node: The worker's name among Celery's nodes.
            classic: Whether the broker is one that knows kinds of queues: RabbitMQ.
        """
        self.node, self._pid = node.partition("@")[0], os.getpid()
        name = f"{PREFIX}{node}.{token_hex(3)}"
        kind: Mapping[str, Any] = {"x-queue-type": "classic"} if classic else {}
        self._queue = Queue(
            name,
            Exchange(""),
            routing_key=name,
            expires=_LEFT_BEHIND,
            message_ttl=PATIENCE,
            queue_arguments=dict(kind),
        )
        self._app.amqp.queues.select_add(self._queue)
        return name

    def start(self) -> None:
        """Send from now on."""
        if self._thread is None and self._queue is not None:
            self._stop.clear()
            self._started_at = monotonic()
            # A thread, and one that holds up nobody's end: a broker that is away holds it up.
            self._thread = Thread(target=self._run, name="canary", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Send no more; the process is not ready from now on."""
        self._thread = None
        self._stop.set()

    @property
    def is_here(self) -> bool:
        """Whether this is the process that consumes, and not one that its pool has forked."""
        return self._pid == os.getpid()

    @property
    def seconds(self) -> float | None:
        """How long the last one was on its way; None where none came back lately."""
        return None if self.reason() else self._beat.seconds

    def reason(self) -> str:
        """Return why this process does not count as consuming, or ""."""
        if self._thread is None:
            return "it is stopping" if self._started_at else "it is starting"
        now, returned_at = monotonic(), self._beat.returned_at
        if now - returned_at <= PATIENCE:
            return ""
        if self._trouble or self._sent_at < now - PATIENCE:
            return f"the broker takes no messages{self._trouble}"
        if self._beat.store_failed_at > now - PATIENCE:
            return "the store does not answer"
        if now - self._started_at <= PATIENCE:
            return "it is starting"
        silence = now - max(returned_at, self._started_at)
        return f"it is connected but does not consume: no canary came back for {silence:.0f} s"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._send()
                self._trouble = ""
            except Exception as error:  # noqa: BLE001 -- whatever the client raises: try again
                cause = error.__cause__ or error
                self._trouble = f": {type(cause).__name__}"
                self._disconnect()
            self._stop.wait(_PERIOD)
        self._disconnect()

    def _send(self) -> None:
        connection, queue = self._connected(), self._queue
        if queue is None:
            return
        channel = connection.default_channel
        if self._sent_at > self._beat.returned_at:
            queue(channel).purge()  # it is lost or late: never more than one waits
        now = monotonic()
        self._app.send_task(
            self._task,
            args=[now],
            queue=queue.name,
            producer=Producer(channel),
            expires=PATIENCE,
            retry=False,
            ignore_result=True,
        )
        self._sent_at = now
        if isinstance(channel, BatchedChannel):
            channel.open_client().expire(channel.keys.lists(queue.name)[0], _LEFT_BEHIND)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, timeout=_CONNECT)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (KombuError, OSError) as error:
                self._trouble = self._trouble or f": {type(error).__name__}"
