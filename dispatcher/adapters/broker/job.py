"""One task on its way through the pool."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from billiard.einfo import ExceptionInfo
from celery.exceptions import SoftTimeLimitExceeded
from greenlet import getcurrent

from dispatcher.adapters.broker.loop import Strand

_Callback = Callable[..., Any] | None


class Abandoned(BaseException):
    """Raised in a task whose message is handed back; no `except Exception` may swallow it."""


class Job:
    """A call of Celery's tracer, and whom to tell.

    Made and told about on the consumer's thread, run on the loop's.

    Args:
        call: The tracer and its arguments.
        callbacks: Celery's, by its keyword names.
        limits: Soft and hard time limit in seconds.
        finish: Called on the loop's thread when the job has ended or ran out of time.
    """

    __slots__ = (
        "__weakref__",
        "_call",
        "_callbacks",
        "_finish",
        "_limits",
        "_loop",
        "_outcome",
        "_strand",
        "_timers",
        "is_over",
    )

    def __init__(
        self,
        call: tuple[Callable[..., Any], Any, Any],
        callbacks: dict[str, _Callback],
        limits: tuple[float | None, float | None],
        finish: Callable[["Job"], None],
    ) -> None:
        self._call, self._callbacks, self._limits, self._finish = call, callbacks, limits, finish
        self._loop: asyncio.AbstractEventLoop | None = None
        self._strand: Strand | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._outcome: tuple[str, tuple[Any, ...]] | None = None
        self.is_over = False

    def accept(self, pid: int, now: float) -> None:
        """Tell Celery that the task starts."""
        accepted = self._callbacks.get("accept_callback")
        if accepted is not None:
            accepted(pid, now)

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
            outcome = ("callback", (target(*args, **kwargs),))
        except (Abandoned, asyncio.CancelledError):
            # Not acknowledged: its message goes back to the queue.
            self._end(None)
        except BaseException:  # noqa: BLE001 -- Celery is told, whatever it was
            self._end(("error_callback", (ExceptionInfo(),)))
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
        if self._outcome is None:
            return
        name, arguments = self._outcome
        callback = self._callbacks.get(name)
        if callback is not None:
            callback(*arguments)

    def _run_out(self, kind: str, limit: float) -> None:
        if self.is_over or self._strand is None:
            return
        if kind == "soft":
            self._strand.interrupt(SoftTimeLimitExceeded(limit))
            return
        strand = self._strand
        self._end(("timeout_callback", (False, limit)))
        strand.interrupt(Abandoned())

    def _end(self, outcome: tuple[str, tuple[Any, ...]] | None) -> None:
        if self.is_over:
            return
        self.is_over, self._outcome = True, outcome
        for timer in self._timers:
            timer.cancel()
        self._finish(self)
