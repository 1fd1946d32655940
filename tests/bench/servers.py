"""What everybody shares in a round: one Valkey and one relay, each a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.standalone.valkey_binary import find_binary

PATIENCE: Final = 60.0
"""Seconds after which a part that does not start, answer or end is a failure."""
_ROOT: Final = Path(__file__).parents[2]


def wait_until(holds: Callable[[], bool], what: str, *, within: float = PATIENCE) -> None:
    """Wait for a condition, looking every 20 ms.

    Raises:
        TimeoutError: It did not come true; the text is *what*.
    """
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running server."""

    socket: Path
    pid: int
    client: Redis

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def celery_url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    @property
    def memory(self) -> int:
        """Bytes in use; to be compared while the same connections are open."""
        return int(self.client.info("memory")["used_memory"])


@contextmanager
def valkey(folder: Path, *, fsync: str = "everysec") -> Iterator[Valkey]:
    """Run a Valkey in *folder* with an append-only file, synced as *fsync* says."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "valkey.sock"
    server = subprocess.Popen(
        [
            *(find_binary(), "--port", "0", "--unixsocket", socket, "--dir", folder),
            *("--appendonly", "yes", "--appendfsync", fsync, "--save", ""),
            *("--auto-aof-rewrite-percentage", "0"),  # a rewrite in one round would be luck
            *("--maxmemory-policy", "noeviction", "--logfile", folder / "valkey.log"),
        ],
        start_new_session=True,
    )
    try:
        with Redis(unix_socket_path=str(socket), socket_timeout=PATIENCE) as client:
            wait_until(lambda: _answers(client), "Valkey answers")
            yield Valkey(socket, server.pid, client)
    finally:
        stop([server])


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@dataclass(frozen=True, slots=True)
class Sink:
    """The relay of all contenders."""

    port: int
    pid: int
    asks: IO[str]
    answers: IO[str]

    def count(self) -> tuple[int, float]:
        """Return how many messages it took so far, and when that was true (monotonic seconds)."""
        self.asks.write("\n")
        self.asks.flush()
        messages, nanoseconds = self.answers.readline().split()
        return int(messages), int(nanoseconds) / 1e9

    def stamp(self) -> tuple[str, float]:
        """Wait for the next message; return its recipient and when it was taken."""
        recipient, nanoseconds = self.answers.readline().split()
        return recipient, int(nanoseconds) / 1e9


@contextmanager
def sink(*arguments: str) -> Iterator[Sink]:
    """Run the sink; the arguments are its program's."""
    with _piped("tests.bench.sink", *arguments) as (process, asks, answers):
        yield Sink(int(answers.readline()), process.pid, asks, answers)


@contextmanager
def far_away(port: int, round_trip: float) -> Iterator[int]:
    """Yield a port behind which *port* is *round_trip* seconds away."""
    with _piped("tests.bench.proxy", str(port), str(round_trip)) as (_, _, answers):
        yield int(answers.readline())


@contextmanager
def _piped(
    module: str, *arguments: str
) -> Iterator[tuple["subprocess.Popen[str]", IO[str], IO[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, process.stdin, process.stdout
    finally:
        process.stdin.close()
        stop([process])
        process.stdout.close()


def spawn(
    command: Sequence[str | Path], env: dict[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    """Start a contender's process in a group of its own; what it says goes to *log*."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env={name: text for name, text in os.environ.items() if "DISPATCHER_" not in name}
            | env,
            cwd=_ROOT,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def stop(processes: "Sequence[subprocess.Popen[str] | subprocess.Popen[bytes]]") -> None:
    """End processes in order, then by force: SIGTERM, SIGKILL after 20 s."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += family(int(child))
    return found


def resident(pid: int) -> int:
    """Return the most bytes of memory that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
