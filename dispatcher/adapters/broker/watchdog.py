"""End a worker that is connected but does not consume, so that its supervisor starts another."""

import logging
import os
from dataclasses import dataclass
from math import inf
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

from celery import bootsteps
from celery.concurrency.solo import TaskPool as SoloPool
from celery.worker import state

from dispatcher.adapters.broker.channel import BatchedChannel

_log: Final = logging.getLogger(__name__)

#: Leases that all credit may be used up for while nothing runs.
_NO_CREDIT: Final = 1.0
#: Leases that a connection may be silent for while the broker answers others: three times what the
#: taker, who reconnects, needs to notice a half-open one. Then its thread is stuck.
_SILENT: Final = 2.25
_INTERVAL: Final = 1.0
#: Seconds between two looks after which the whole process must have been stopped in between.
_WAS_STOPPED: Final = 5 * _INTERVAL
#: sysexits.h: an internal software error.
EX_SOFTWARE: Final = 70


@dataclass(frozen=True, slots=True)
class Glance:
    """What an established connection looks like at one moment.

    Attributes:
        heard_at: When its reader last heard anything, in monotonic seconds.
        answers_since: Since when the broker answers this process at all; infinity when it does not.
        may_be_silent: Whether the thread that reads runs a task itself, as in the solo pool.
        is_busy: Whether there are tasks that use credit.
        has_credit: Whether more messages may be taken.
    """

    heard_at: float
    answers_since: float
    may_be_silent: bool
    is_busy: bool
    has_credit: bool


class Patience:
    """How long a state that should pass has lasted.

    Args:
        lease: Seconds that the process's leases last, the measure of all waiting.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._idle_without_credit_since: float | None = None
        self._looked_at = self._awake_since = -inf

    def complaint(self, glance: Glance, now: float) -> str | None:
        """Return what is wrong, or None; to be asked about every second.

        Args:
            glance: What the connection looks like.
            now: Monotonic seconds.
        """
        if now - self._looked_at > _WAS_STOPPED:
            self._awake_since, self._idle_without_credit_since = now, None
        self._looked_at = now
        # A broker that answers nobody is an outage: reconnecting mends it, a new process would not.
        silent_since = max(glance.heard_at, glance.answers_since, self._awake_since)
        if not glance.may_be_silent and now - silent_since > _SILENT * self._lease:
            return "the broker's answers are not being read"
        if glance.has_credit or glance.is_busy:
            self._idle_without_credit_since = None
            return None
        if self._idle_without_credit_since is None:
            self._idle_without_credit_since = now
        since = self._idle_without_credit_since
        return "all credit is used up" if now - since > _NO_CREDIT * self._lease else None


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
        self._runs_inline = False

    def start(self, parent: Any) -> None:  # noqa: ANN401 -- Celery's signature
        """Watch the consumer's connection."""
        channel = parent.task_consumer.channel
        if not isinstance(channel, BatchedChannel):
            return
        self._channel, self._runs_inline = channel, isinstance(parent.pool, SoloPool)
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
        watched, patience = None, Patience(inf)
        while not self._stop.wait(_INTERVAL):
            channel = self._channel
            # A soft shutdown waits for tasks on the thread that would read.
            if channel is None or _is_ending():
                watched = None
                continue
            if channel is not watched:
                watched, patience = channel, Patience(channel.lease)
            if complaint := patience.complaint(self._glance(channel), monotonic()):
                _log.critical("Connected but not consuming: %s. Ending the process.", complaint)
                os._exit(EX_SOFTWARE)

    def _glance(self, channel: BatchedChannel) -> Glance:
        works = bool(state.active_requests)
        return Glance(
            heard_at=channel.taker.heard_at,
            answers_since=channel.keeper.answers_since(monotonic()),
            may_be_silent=works and self._runs_inline,
            is_busy=works or bool(state.reserved_requests),
            has_credit=channel.qos.credit(None, channel.reserved_credit) > 0,
        )


def _is_ending() -> bool:
    # An exit code of 0 ends it, too.
    flags = (state.should_stop, state.should_terminate)
    return any(flag is not None and flag is not False for flag in flags)
