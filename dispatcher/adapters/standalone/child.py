"""One child process: its command, its one life, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from io import FileIO
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone import child_start

CANNOT_RUN: Final = 127
"""The exit code a shell gives for a program that is not there."""

_LINE_LIMIT: Final = 1024 * 1024
"""Bytes of one line of output; a longer one is passed on in pieces."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Args:
        name: How it is called in log lines and states; unique in a supervisor.
        argv: The program and its arguments.
        environment: Its whole environment; None for ours.
        folder: Where it runs; None for where we are.
        death_signal: What it gets when we are killed. The default lets it finish what it
            does, and a worker bounds that time itself.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    death_signal: signal.Signals = signal.SIGTERM


class Phase(Enum):
    """Where a child is in its life."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildState:
    """What there is to show about a child.

    Args:
        name: Its command's name.
        phase: Where it is in its life.
        pid: Its process id while it lives.
        restarts: How often it was started again.
        exit_code: How it last ended; negative is a signal's number.
    """

    name: str
    phase: Phase = Phase.STOPPED
    pid: int | None = None
    restarts: int = 0
    exit_code: int | None = None


class ChildProcess:
    """One life of a command, in a process group of its own.

    Made with :meth:`spawn`, inside the event loop that follows it to its end.
    """

    def __init__(self, process: asyncio.subprocess.Process, output: "asyncio.Task[None]") -> None:
        self._process = process
        self._output = output
        self._asked = False

    @classmethod
    async def spawn(cls, command: Command, on_line: Callable[[str, str], None]) -> "ChildProcess":
        """Start the command; ``on_line(name, line)`` gets each line of its output.

        Raises:
            OSError: The machine has no room for another process.
        """
        # A pipe of our own: asyncio takes a child with a pipe of its making for alive
        # until all that the child had started, too, have closed it.
        read_end, write_end = os.pipe()
        reading = os.fdopen(read_end, "rb", buffering=0)
        output = asyncio.create_task(_pass_on(reading, command.name, on_line))
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", child_start.__file__),
                *(str(os.getpid()), str(int(command.death_signal))),
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=command.environment,
                cwd=command.folder,
                # Not in our group: Ctrl-C reaches us alone, and we stop in order.
                process_group=0,
            )
        finally:
            os.close(write_end)
        return cls(process, output)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ended(self) -> int:
        """Return its exit code once it has ended, with what it left in its group killed."""
        code = await self._process.wait()
        self.kill()
        # One that left the group keeps the pipe open: its words are not waited for.
        _, late = await asyncio.wait({self._output}, timeout=1.0)
        for reading in late:
            reading.cancel()
        return code

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once: to many programs, Celery among them, a second one means haste.

        The child alone gets it; what it started is its own business.
        """
        if not self._asked:
            self._asked = True
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the child and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def _pass_on(pipe: FileIO, name: str, on_line: Callable[[str, str], None]) -> None:
    stream = asyncio.StreamReader(limit=_LINE_LIMIT)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), pipe
    )
    try:
        while line := await _next_line(stream):
            on_line(name, line.decode(errors="replace").rstrip("\r\n"))
    finally:
        transport.close()


async def _next_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readuntil()
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as overrun:
        return await stream.readexactly(overrun.consumed)
