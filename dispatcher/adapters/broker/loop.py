"""One asyncio event loop per process, on a thread of its own, and the bridge to it."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context
from threading import Thread, get_ident
from typing import Any, Final, TypeVar

from greenlet import getcurrent, greenlet

_T = TypeVar("_T")

#: Seconds that leaving contexts and cancelling what still runs may take when stopping.
_STOP_TIMEOUT: Final = 10.0


class Strand(greenlet):  # type: ignore[misc]  # greenlet ships no types
    """A line of synchronous calls on the loop's thread that may wait for coroutines.

    While it waits, the loop runs on. SQLAlchemy's asyncio bridge works in the same way. A strand
    makes one call after the other: making a greenlet costs as much as a third of a short task.
    """

    def __init__(self, calls: deque[Callable[[], object]], idle: list["Strand"]) -> None:
        super().__init__()
        self._calls, self._idle = calls, idle
        self._waits_for: asyncio.Task[Any] | None = None
        self._interruption: BaseException | None = None

    def run(self) -> None:
        """Make calls as long as there are any, then wait for more; calls must not raise."""
        calls = self._calls
        while True:
            while calls:
                # A context of its own: what one call sets must not reach the next.
                Context().run(calls.popleft())
            self._idle.append(self)
            self.parent.switch()

    def wait(self, coroutine: Coroutine[Any, Any, _T], loop: asyncio.AbstractEventLoop) -> _T:
        """Run a coroutine on the loop and return its result; called inside the strand."""
        # Created here and not by the loop's greenlet: the task inherits the strand's context.
        task = self._waits_for = loop.create_task(coroutine)
        task.add_done_callback(self._resume)
        self.parent.switch()
        self._waits_for = None
        if self._interruption is not None:
            interruption, self._interruption = self._interruption, None
            raise interruption
        result: _T = task.result()
        return result

    def interrupt(self, error: BaseException) -> None:
        """Raise an error where the strand waits; called on the loop's thread, outside strands.

        A strand that does not wait holds the loop's thread, so there is none to interrupt.
        """
        if self._waits_for is not None:
            self._interruption = error
            self._waits_for.cancel()

    def _resume(self, _: asyncio.Task[Any]) -> None:
        self.switch()


class Strands:
    """Makes calls on the loop's thread, each on a strand, as many at once as there are.

    Calls may be added on any thread; the rest is for the loop's thread.
    """

    def __init__(self) -> None:
        self.calls: deque[Callable[[], object]] = deque()
        self._idle: list[Strand] = []

    def start_all(self) -> None:
        """Make all calls until each has ended or waits."""
        while self.calls:
            strand = self._idle.pop() if self._idle else Strand(self.calls, self._idle)
            strand.switch()

    def close(self) -> None:
        """End the idle strands; greenlets must end on the thread they ran on."""
        while self._idle:
            self._idle.pop().throw()


class LoopThread:
    """An event loop on its own thread; uvloop's where it is installed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        os.register_at_fork(after_in_child=self._forget)
        self._stays: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop.

        Raises:
            RuntimeError: It was not started in this process.
        """
        if self._loop is None:
            raise RuntimeError("The loop thread is not running in this process.")
        return self._loop

    @property
    def is_running(self) -> bool:
        """Whether it runs in this process; threads do not survive a fork."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the loop; does nothing where it runs already."""
        if self.is_running:
            return
        self._loop, self._stays = _new_loop(), []
        self._thread = Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = _STOP_TIMEOUT) -> None:
        """Leave entered contexts, last one first, cancel what still runs, and end the thread.

        Args:
            timeout: Seconds to wait for each of these.
        """
        if not self.is_running or self._thread is None:
            return
        loop, self._loop = self.loop, None
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._leave(), loop).result(timeout)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            loop.close()

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine on the loop and return its result, from any synchronous code.

        Inside a strand (a task of our pool) only that strand waits; on any other thread the
        thread does.

        Raises:
            RuntimeError: Called on the loop's thread outside a strand, where waiting would stop
                the loop itself, or while it is not running.
        """
        try:
            loop = self.loop
            if self._thread is None or self._thread.ident != get_ident():
                return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
            strand = getcurrent()
            if not isinstance(strand, Strand):
                raise RuntimeError(  # noqa: TRY301, TRY004 -- about where, not what, is called
                    "Only a strand may wait on the loop's own thread; use await."
                )
        except RuntimeError:
            coroutine.close()
            raise
        return strand.wait(coroutine, loop)

    def enter(self, context: AbstractAsyncContextManager[_T]) -> _T:
        """Enter an asynchronous context on the loop; it is left when the loop stops."""
        return self.run(self._stay(context))

    def _forget(self) -> None:
        """Be as new in a forked child: threads do not survive a fork."""
        self._loop = self._thread = None

    async def _stay(self, context: AbstractAsyncContextManager[_T]) -> _T:
        # Task groups and cancel scopes want to be left by the task that entered them.
        leaving = asyncio.Event()
        entered: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        async def stay() -> None:
            try:
                async with context as value:
                    entered.set_result(value)
                    await leaving.wait()
            except BaseException as error:
                if entered.done():
                    raise
                entered.set_exception(error)

        task = asyncio.get_running_loop().create_task(stay())
        value = await entered
        self._stays.append((leaving, task))
        return value

    async def _leave(self) -> None:
        for leaving, task in reversed(self._stays):
            leaving.set()
            await asyncio.wait([task])
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)
        await asyncio.get_running_loop().shutdown_asyncgens()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 -- optional: it has no wheels for every Python
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


#: Celery makes pools from a class name and calls tasks without a handle on their pool: a registry
#: of the process is the only link between them. It holds a thread, never a client.
_current: Final = LoopThread()


def current_loop_thread() -> LoopThread:
    """Return this process's loop thread, started on first use in each process."""
    _current.start()
    return _current
