"""Keeps child processes alive, and ends them in order."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from dispatcher.adapters.standalone.child import ChildProcess, ChildState, Command, Phase
from dispatcher.adapters.standalone.restart_delay import RestartDelay
from dispatcher.errors import ConfigError

EXIT_CONFIG: Final = 78
"""``EX_CONFIG`` of sysexits.h: a child's word that starting it again cannot help."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ORDERLY: Final = (0, -signal.SIGTERM)


class Supervisor:
    """Runs commands and starts each again, with growing delay, when it ends unexpectedly.

    ``run()`` does so in the calling thread and obeys signals: the first one stops the
    children warmly, the second at once. ``start()`` does it in a thread of its own.

    Args:
        commands: What to run; names are unique.
        grace: Seconds the children have to stop, all together, before they are killed.
        on_line: Gets each line of output as ``on_line(name, line)``.
        on_change: Gets a child's new state, each time it changes.
        delay: Makes the restart delay of one child.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        grace: float = 30.0,
        on_line: Callable[[str, str], None] = lambda _name, _line: None,
        on_change: Callable[[ChildState], None] = lambda _state: None,
        delay: Callable[[], RestartDelay] = RestartDelay,
    ) -> None:
        if len({command.name for command in commands}) != len(commands):
            raise ConfigError("two commands of a supervisor have the same name")
        self._commands = tuple(commands)
        self._grace = grace
        self._on_line = on_line
        self._on_change = on_change
        self._delay = delay
        self._states = {command.name: ChildState(command.name) for command in commands}
        self._living: dict[str, ChildProcess] = {}
        self._in_order = True
        self._thread: threading.Thread | None = None
        self._up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = asyncio.Event()
        self._kill_asked = asyncio.Event()

    def states(self) -> tuple[ChildState, ...]:
        """Return each child's state, in the order of the commands; from any thread."""
        return tuple(self._states[command.name] for command in self._commands)

    def run(self) -> int:
        """Run until stopped; return 0 if every child ended in order by itself, else 1.

        A child that exits with 78 (``EX_CONFIG``) stops all of them, and 78 is returned.
        """
        return asyncio.run(self._run())

    def start(self) -> None:
        """Run in a thread; returns once every child has been started."""
        self._up.clear()
        self._thread = threading.Thread(target=self.run, name="supervisor", daemon=True)
        self._thread.start()
        self._up.wait()

    def stop(self) -> bool:
        """Stop the children warmly and wait for it; return whether all ended in order.

        May be called from any thread but a child's callback.
        """
        self.request_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        return self._in_order

    def request_stop(self) -> None:
        """Stop the children warmly, without waiting; the second time, kill them."""
        if self._loop is not None:
            # The loop may have ended since: then there is nothing left to stop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._obey)

    def _obey(self) -> None:
        (self._kill_asked if self._stop_asked.is_set() else self._stop_asked).set()

    async def _run(self) -> int:
        self._stop_asked, self._kill_asked = asyncio.Event(), asyncio.Event()
        self._in_order = True
        self._loop = asyncio.get_running_loop()
        try:
            with self._obeying_signals(self._loop):
                await self._keep_all()
        finally:
            # Only after a bug in a callback is anyone left here; nobody shall be orphaned.
            for child in self._living.values():
                child.kill()
            self._up.set()
        if any(state.exit_code == EXIT_CONFIG for state in self.states()):
            return EXIT_CONFIG
        return 0 if self._in_order else 1

    async def _keep_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(self._end_all())
            await asyncio.gather(*(self._keep(command) for command in self._commands))
            ending.cancel()

    @contextlib.contextmanager
    def _obeying_signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        # Only the main thread may set them; elsewhere the caller decides when to stop.
        obeyed = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
        for number in obeyed:
            loop.add_signal_handler(number, self._obey)
        try:
            yield
        finally:
            for number in obeyed:
                loop.remove_signal_handler(number)

    async def _keep(self, command: Command) -> None:
        delay, restarts = self._delay(), 0
        while not self._stop_asked.is_set():
            born = time.monotonic()
            code = await self._live(command)
            if self._stop_asked.is_set():
                self._in_order &= code in _ORDERLY
                break
            if code == EXIT_CONFIG:
                self._in_order = False
                self._stop_asked.set()
                break
            self._change(
                replace(self._states[command.name], phase=Phase.WAITING, pid=None, exit_code=code)
            )
            if await self._stops_within(delay.after(time.monotonic() - born)):
                break
            restarts += 1
            self._change(replace(self._states[command.name], restarts=restarts))
        self._change(replace(self._states[command.name], phase=Phase.STOPPED, pid=None))

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_asked.wait(), seconds)
        return self._stop_asked.is_set()

    async def _live(self, command: Command) -> int:
        try:
            child = await ChildProcess.spawn(command, self._on_line)
        except OSError as error:
            self._on_line(command.name, f"cannot be started: {error.strerror}")
            return 1
        self._living[command.name] = child
        self._change(replace(self._states[command.name], phase=Phase.RUNNING, pid=child.pid))
        if self._stop_asked.is_set():
            child.ask_to_stop()
        code = await child.ended()
        del self._living[command.name]
        self._change(replace(self._states[command.name], exit_code=code))
        return code

    async def _end_all(self) -> None:
        await self._stop_asked.wait()
        for command in self._commands:
            if command.name in self._living:
                self._change(replace(self._states[command.name], phase=Phase.STOPPING))
                self._living[command.name].ask_to_stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._kill_asked.wait(), self._grace)
        for child in self._living.values():
            child.kill()

    def _change(self, state: ChildState) -> None:
        self._states[state.name] = state
        if all(known.phase is not Phase.STOPPED for known in self._states.values()):
            self._up.set()
        self._on_change(state)
