"""One task on its way through the pool."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from billiard.einfo import ExceptionInfo
from celery.exceptions import SoftTimeLimitExceeded
from greenlet import getcurrent

from dispatcher.adapters.broker.loop import Strand

#: What is called, its arguments and its keyword arguments.
Call = tuple[Callable[..., Any], Any, Any]


class Told(Protocol):
    """Who is told what becomes of a job: Celery's request, or whoever applied one directly."""

    def on_accepted(self, pid: int, time_accepted: float) -> object:
        """The task starts; the time is monotonic."""

    def on_timeout(self, soft: bool, timeout: float) -> object:  # noqa: FBT001 -- Celery's signature
        """The task ran out of time and is over."""

    def on_success(self, failed__retval__runtime: Any) -> object:  # noqa: ANN401 -- what the tracer returns
        """The tracer returned."""

    def on_failure(self, exc_info: Any) -> object:  # noqa: ANN401 -- billiard ships no types
        """The tracer raised."""

    def revoked(self) -> bool:
        """Tell whether the task shall not start any more."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks by the names that pools of Celery are given them under."""

    by_name: dict[str, Any]

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Tell the accept callback."""
        self._tell("accept_callback", pid, time_accepted)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 -- Celery's signature
        """Tell the timeout callback."""
        self._tell("timeout_callback", soft, timeout)

    def on_success(self, failed__retval__runtime: Any) -> None:  # noqa: ANN401 -- what the tracer returns
        """Tell the callback."""
        self._tell("callback", failed__retval__runtime)

    def on_failure(self, exc_info: Any) -> None:  # noqa: ANN401 -- billiard ships no types
        """Tell the error callback."""
        self._tell("error_callback", exc_info)

    def revoked(self) -> bool:
        """Return False: who applied it directly cannot revoke it."""
        return False

    def _tell(self, name: str, *arguments: Any) -> None:  # noqa: ANN401 -- passed on
        callback = self.by_name.get(name)
        if callback is not None:
            callback(*arguments)


class Abandoned(BaseException):
    """Raised in a task whose message is handed back; no `except Exception` may swallow it."""


class Job:
    """A call of Celery's tracer, and whom to tell.

    Made and told about on the consumer's thread, run on the loop's.

    Args:
        call: The tracer and its arguments.
        told: Who is told what becomes of it.
        limits: Soft and hard time limit in seconds.
        finish: Called on the loop's thread when the job has ended or ran out of time.
    """

    __slots__ = (
        "__weakref__",
        "_call",
        "_finish",
        "_limits",
        "_loop",
        "_outcome",
        "_strand",
        "_timers",
        "is_over",
        "told",
    )

    def __init__(
        self,
        call: Call,
        told: Told,
        limits: tuple[float | None, float | None],
        finish: Callable[["Job"], None],
    ) -> None:
        self._call, self.told, self._limits, self._finish = call, told, limits, finish
        self._loop: asyncio.AbstractEventLoop | None = None
        self._strand: Strand | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._outcome: tuple[Callable[..., object], tuple[Any, ...]] | None = None
        self.is_over = False

    def run(self) -> None:
        """Run the task and finish; called on a strand, raises nothing."""
        self._loop = asyncio.get_running_loop()
        self._strand = cast("Strand", getcurrent())
        soft, hard = self._limits
        if soft:
            self._timers.append(self._loop.call_later(soft, self._run_out, "soft", soft))
        if hard:
            self._timers.append(self._loop.call_later(hard, self._run_out, "hard", hard))
        target, args, kwargs = self._call
        try:
            outcome = (self.told.on_success, (target(*args, **kwargs),))
        except (Abandoned, asyncio.CancelledError):
            # Not acknowledged: its message goes back to the queue.
            self._end(None)
        except BaseException:  # noqa: BLE001 -- Celery is told, whatever it was
            self._end((self.told.on_failure, (ExceptionInfo(),)))
        else:
            self._end(outcome)
        # The strand makes other calls now, which nobody may interrupt in this one's name.
        self._strand = None

    def abandon(self) -> None:
        """Stop the task where it waits and tell nobody; called on the loop's thread."""
        if not self.is_over and self._strand is not None:
            self._strand.interrupt(Abandoned())

    def terminate(self, signal: int | None = None) -> None:  # noqa: ARG002 -- Celery's signature
        """Abandon the task, whose revocation or redelivery Celery has announced; any thread."""
        if self._loop is not None and not self.is_over:
            self._loop.call_soon_threadsafe(self.abandon)

    def tell(self) -> None:
        """Tell Celery the outcome."""
        if self._outcome is not None:
            tell, arguments = self._outcome
            tell(*arguments)

    def _run_out(self, kind: str, limit: float) -> None:
        if self.is_over or self._strand is None:
            return
        if kind == "soft":
            self._strand.interrupt(SoftTimeLimitExceeded(limit))
            return
        strand = self._strand
        self._end((self.told.on_timeout, (False, limit)))
        strand.interrupt(Abandoned())

    def _end(self, outcome: tuple[Callable[..., object], tuple[Any, ...]] | None) -> None:
        if self.is_over:
            return
        self.is_over, self._outcome = True, outcome
        for timer in self._timers:
            timer.cancel()
        self._finish(self)
