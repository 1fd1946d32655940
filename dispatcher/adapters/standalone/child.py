"""One child process: its command, its one life, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
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
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", child_start.__file__),
            *(str(os.getpid()), str(int(command.death_signal))),
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_LIMIT,
            env=command.environment,
            cwd=command.folder,
            # Not in our group: Ctrl-C reaches us alone, and we stop in order.
            process_group=0,
        )
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for above
        output = asyncio.create_task(_pass_on(process.stdout, command.name, on_line))
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


async def _pass_on(
    stream: asyncio.StreamReader, name: str, on_line: Callable[[str, str], None]
) -> None:
    while True:
        try:
            line = await stream.readuntil()
        except asyncio.IncompleteReadError as end:
            if end.partial:
                on_line(name, _text(end.partial))
            return
        except asyncio.LimitOverrunError as overrun:
            line = await stream.readexactly(overrun.consumed)
        on_line(name, _text(line))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
