"""A Celery pool of one coroutine per task: thousands in flight, one thread."""

import asyncio
import gc
import logging
import os
from collections import deque
from threading import Event
from time import monotonic
from typing import Any, Final

from celery.concurrency.base import BasePool

from dispatcher.adapters.broker.job import Call, Callbacks, Job, Told
from dispatcher.adapters.broker.loop import LoopThread, Strands, current_loop_thread

_log: Final = logging.getLogger(__name__)

#: Seconds that running tasks get at shutdown, unless the app's `worker_drain_timeout` says else.
_DRAIN: Final = 25.0
#: Seconds that abandoned tasks get to clean up.
_ABANDON: Final = 2.0
_GC_THRESHOLD: Final = (20_000, 20, 20)


class TaskPool(BasePool):  # type: ignore[misc]  # celery ships no types
    """Runs Celery's own tracer for each task in a strand of the process's event loop.

    A task that waits does so through `current_loop_thread().run(coroutine)`. Everything Celery is
    told (accepted, succeeded, failed) is told on the consumer's thread, so that its state needs no
    locks; both ways over, tasks travel in batches, one wake-up each.
    """

    signal_safe = False
    body_can_be_buffer = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- Celery's signature
        self.limit: int
        super().__init__(*args, **kwargs)
        self._hub: Any = None
        self._thread: LoopThread | None = None
        self._running: set[Job] = set()
        self._waiting: deque[Job] = deque()
        self._strands = Strands()
        self._ended: deque[Job] = deque()
        self._ended_signal = Event()
        self._is_handing_over = False
        self._is_settling = False

    @property
    def _slots(self) -> int:
        # Queues with credit of their own must not wait behind the others' tasks here.
        conf = self.app.conf if self.app else {}
        options = conf.get("broker_transport_options") or {}
        reserved: dict[str, int] = options.get("reserved_credit") or {}
        return int(self.limit) + sum(reserved.values()) + int(conf.get("worker_spare_slots", 0))

    def on_start(self) -> None:
        """Start the loop's thread."""
        # Everything imported so far stays; a task makes some thirty objects that refer to each
        # other only briefly, and with a thousand in flight the default would collect all the time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLD)
        self._thread, self._pid = current_loop_thread(), os.getpid()
        self._room = self._slots

    def register_with_event_loop(self, loop: Any) -> None:  # noqa: ANN401 -- Celery's signature
        """Settle on the consumer's event loop."""
        self._hub = loop

    def on_apply(
        self,
        target: Any,  # noqa: ANN401 -- Celery's signature
        args: Any,  # noqa: ANN401 -- Celery's signature
        kwargs: Any,  # noqa: ANN401 -- Celery's signature
        soft_timeout: float | None = None,
        timeout: float | None = None,
        **callbacks: Any,  # noqa: ANN401 -- Celery's signature
    ) -> Job:
        """Take a task; it starts when there is a slot."""
        call, told = (target, args, kwargs), Callbacks(callbacks)
        return self.submit(call, told, soft_timeout, timeout)

    def submit(
        self, call: Call, told: Told, soft_timeout: float | None, timeout: float | None
    ) -> Job:
        """Take a task of Celery's consumer; it starts when there is a slot, if still wanted then.

        Args:
            call: What to call with which arguments.
            told: Who is told what becomes of it.
            soft_timeout: Seconds after which the task is told to end.
            timeout: Seconds after which it is ended.
        """
        job = Job(call, told, (soft_timeout, timeout), self._on_end)
        if len(self._running) < self._room:
            self._begin(job)
        else:
            self._waiting.append(job)
        return job

    def flush(self) -> None:
        """Forget what has not started; after a lost connection it is delivered again."""
        self._waiting.clear()

    def on_stop(self) -> None:
        """Let running tasks end within the drain time, abandon the others, stop the loop."""
        self._drain(float(self.app.conf.get("worker_drain_timeout", _DRAIN)))

    def on_terminate(self) -> None:
        """Abandon what runs, stop the loop."""
        self._drain(0.0)

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        """Do nothing: Celery terminates the job itself, too, and only that is one task."""

    def grow(self, n: int = 1) -> None:
        """Run more tasks at once."""
        self.limit += n
        self._room = self._slots

    def shrink(self, n: int = 1) -> None:
        """Run fewer tasks at once, but one."""
        self.limit = max(self.limit - n, 1)
        self._room = self._slots

    def _begin(self, job: Job) -> None:
        self._running.add(job)
        job.told.on_accepted(self._pid, monotonic())
        self._strands.calls.append(job.run)
        if not self._is_handing_over:
            self._is_handing_over = True
            if self._hub is None:
                self._hand_over()
            else:
                self._hub.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Wake the loop, once for all tasks of this turn."""
        self._is_handing_over = False
        if self._thread is not None and self._thread.is_running:
            self._thread.loop.call_soon_threadsafe(self._strands.start_all)

    def _on_end(self, job: Job) -> None:
        self._ended.append(job)
        if not self._is_settling:
            self._is_settling = True
            # At the loop's next turn, so that all that end in this one are told of together.
            asyncio.get_running_loop().call_soon(self._call_settle)

    def _call_settle(self) -> None:
        self._ended_signal.set()
        if self._hub is None:
            self._settle()
        else:
            self._hub.call_soon(self._settle)

    def _settle(self) -> None:
        """Tell Celery about the tasks that ended, and start as many that waited."""
        self._is_settling = False
        ended = self._ended
        while ended:
            job = ended.popleft()
            self._running.discard(job)
            try:
                job.tell()
            except BaseException:
                # Celery wants to end the worker, or has lost the broker; tell the rest later.
                if self._hub is not None and ended:
                    self._hub.call_soon(self._settle)
                raise
        while self._waiting and len(self._running) < self._room and self.active:
            job = self._waiting.popleft()
            if not job.told.revoked():
                self._begin(job)

    def _drain(self, seconds: float) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._waiting.clear()
        self._hub = None if self._hub is None else _Stopped()
        if thread.is_running:
            thread.loop.call_soon_threadsafe(self._strands.start_all)
        self._await_end(seconds)
        if self._running:
            _log.warning("Handing %d unfinished tasks back.", len(self._running))
            for job in tuple(self._running):
                job.terminate()
            self._await_end(_ABANDON)
        if thread.is_running:
            thread.loop.call_soon_threadsafe(self._strands.close)
        thread.stop()

    def _await_end(self, seconds: float) -> None:
        deadline = monotonic() + seconds
        while True:
            self._ended_signal.clear()
            self._settle()
            remaining = deadline - monotonic()
            if not self._running or remaining <= 0:
                return
            self._ended_signal.wait(remaining)

    def _get_info(self) -> dict[str, Any]:
        return {
            **super()._get_info(),
            "processes": [self._pid],
            "running": len(self._running),
            "waiting": len(self._waiting),
            "timeouts": (),
            "put-guarded-by-semaphore": False,
            "max-tasks-per-child": None,
        }


class _Stopped:
    """Stands for an event loop that turns no more: whoever drains settles."""

    def call_soon(self, callback: Any) -> None:  # noqa: ANN401 -- kombu's signature
        """Do nothing."""
