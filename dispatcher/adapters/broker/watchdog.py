"""End a worker that is connected but does not consume, so that its supervisor starts another."""

import logging
import os
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

from celery import bootsteps
from celery.worker import state

from dispatcher.adapters.broker.channel import BatchedChannel
from dispatcher.adapters.broker.taker import OVERDUE

_log: Final = logging.getLogger(__name__)

#: Seconds that all credit may be used up while nothing runs.
_NO_CREDIT: Final = 10.0
#: Seconds that a connection may be silent while nothing runs: three times what the taker, who
#: reconnects, needs to notice a half-open one. Silence for longer means its thread is stuck.
_SILENT: Final = 3 * OVERDUE
_INTERVAL: Final = 1.0
#: sysexits.h: an internal software error.
EX_SOFTWARE: Final = 70


class Watchdog(bootsteps.StartStopStep):  # type: ignore[misc]  # celery ships no types
    """Watches from a thread of its own: a stuck consumer cannot watch itself.

    `inspect ping` still answers in these states, so it is no health check.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    label = "Watchdog"

    def __init__(self, consumer: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- Celery's signature
        super().__init__(consumer, **kwargs)
        self._channel: BatchedChannel | None = None
        self._thread: Thread | None = None
        self._stop = Event()

    def start(self, parent: Any) -> None:  # noqa: ANN401 -- Celery's signature
        """Watch the consumer's connection."""
        channel = parent.task_consumer.channel
        if not isinstance(channel, BatchedChannel):
            return
        self._channel = channel
        if self._thread is None:
            self._stop.clear()
            self._thread = Thread(target=self._run, name="broker-watchdog", daemon=True)
            self._thread.start()

    def stop(self, parent: Any) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """Watch no more until there is a connection again."""
        self._channel = None

    def terminate(self, parent: Any) -> None:  # noqa: ANN401 -- Celery's signature
        """Watch no more."""
        self.stop(parent)

    def shutdown(self, parent: Any) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """End the thread."""
        self._channel = None
        self._stop.set()

    def _run(self) -> None:
        patience = Patience()
        while not self._stop.wait(_INTERVAL):
            channel = self._channel
            if channel is None or state.active_requests or not channel.taker.is_attached:
                patience.reset()
            elif complaint := patience.complaint(channel):
                _log.critical("Connected but not consuming: %s. Ending the process.", complaint)
                os._exit(EX_SOFTWARE)


class Patience:
    """How long a state that should pass has lasted."""

    def __init__(self) -> None:
        self._since: float | None = None

    def reset(self) -> None:
        """Start over."""
        self._since = None

    def complaint(self, channel: BatchedChannel) -> str | None:
        """Return what is wrong with a connection while nothing runs, or None."""
        now = monotonic()
        if now - channel.taker.heard_at > _SILENT:
            return "the broker's answers are not being read"
        if channel.qos.credit(None, channel.reserved_credit) > 0 or state.reserved_requests:
            self.reset()
            return None
        self._since = self._since or now
        return "all credit is used up" if now - self._since > _NO_CREDIT else None
