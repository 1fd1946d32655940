"""Heats: one contender at a time on fresh servers, and rounds of heats in turn."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.contenders import Contender, Stage
from tests.bench.servers import (
    cpu_seconds,
    family,
    far_away,
    resident,
    sink,
    spawn,
    stop,
    valkey,
    wait_until,
)

_FIRST, _LAST = 0.1, 0.95
"""The part of a heat that counts: neither the start nor the last stragglers."""
_LONGEST: Final = 120.0
LOG: Final = "contender.log"
"""What a contender's processes say, in the stage's folder."""


@dataclass(frozen=True, slots=True)
class Heat:
    """What one heat showed.

    Args:
        rate: Events per second.
        memory: The largest process's most resident bytes.
        sink_load: Part of one core that the sink used.
        processor: Seconds of processor time per event, the contender's and Valkey's: what a
            busy machine changes least.
    """

    rate: float
    memory: int
    sink_load: float
    processor: float


@contextmanager
def new_folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards; short, for a unix socket's path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="nd-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stage(
    templates: Path,
    *sink_options: str,
    fsync: str = "everysec",
    round_trip: float = 0.0,
    starttls: bool = False,
) -> Iterator[Stage]:
    """Yield fresh servers.

    Args:
        templates: The alternatives'.
        sink_options: Arguments of the sink's program.
        fsync: How Valkey syncs its append-only file.
        round_trip: Seconds that the relay is away.
        starttls: Whether the relay offers it, with ``relay.pem`` in the stage's folder.
    """
    with new_folder() as folder:
        tls = ("--starttls", str(folder)) if starttls else ()
        with valkey(folder / "valkey", fsync=fsync) as server, sink(*sink_options, *tls) as relay:
            if not round_trip:
                yield Stage(folder, templates, server, relay, relay.port)
                return
            with far_away(relay.port, round_trip) as port:
                yield Stage(folder, templates, server, relay, port)


def heat(contender: Contender, on: Stage, messages: int) -> Heat:
    """Run a contender until it is through with *messages* of its queue, and measure.

    Raises:
        TimeoutError: It did not get through.
        ChildProcessError: It ended; the text is the last it said.
    """
    at_first = contender.done(on)
    with running(contender, on) as processes:

        def has_done(part: float) -> bool:
            check_alive(processes, on)
            return contender.done(on) - at_first >= messages * part

        wait_until(lambda: has_done(_FIRST), f"{contender.name} begins", within=_LONGEST)
        workers = [pid for process in processes for pid in family(process.pid)]
        before = _Look.at(contender, on, workers)
        wait_until(lambda: has_done(_LAST), f"{contender.name} is through", within=_LONGEST)
        after = _Look.at(contender, on, workers)
        done, seconds = after.done - before.done, after.time - before.time
        return Heat(
            rate=done / seconds,
            memory=max(map(resident, workers)),
            sink_load=(after.sink - before.sink) / seconds,
            processor=(after.processor - before.processor) / done,
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """How far everything is at one moment; times in seconds."""

    done: int
    time: float
    sink: float
    processor: float

    @classmethod
    def at(cls, contender: Contender, on: Stage, workers: Sequence[int]) -> "_Look":
        used = sum(map(cpu_seconds, [on.valkey.pid, *workers]))
        return cls(contender.done(on), time.monotonic(), cpu_seconds(on.sink.pid), used)


@contextmanager
def running(contender: Contender, on: Stage) -> Iterator["Sequence[subprocess.Popen[bytes]]"]:
    """Run a contender's processes; what they say goes to the stage's folder."""
    env = dict(contender.env(on))
    processes = [spawn(command, env, on.folder / LOG) for command in contender.commands]
    try:
        yield processes
    finally:
        stop(processes)


def check_alive(processes: "Sequence[subprocess.Popen[bytes]]", on: Stage) -> None:
    """Raise when one has ended.

    Raises:
        ChildProcessError: The text is the last it said.
    """
    if any(process.poll() is not None for process in processes):
        said = (on.folder / LOG).read_text(errors="replace").strip()
        raise ChildProcessError(f"it ended: {said.rpartition(chr(10))[2][:200]}")
