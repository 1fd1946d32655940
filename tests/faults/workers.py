"""Real worker processes of the product, to be treated badly."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.acceptance.system import environment, wait_until

ROOT: Final = Path(__file__).parents[2]

_numbers: Final = count(1)


class Worker:
    """One worker process, started as an operator would.

    Args:
        folder: Where its log goes.
        settings: ``DISPATCHER_*``, without the prefix.
        app: The Celery app to run.
        arguments: For Celery's worker, such as ``-P solo``.
        variables: Further environment variables.
        root: Whose code it runs.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        app: str = "dispatcher",
        arguments: str = "",
        variables: Mapping[str, str] | None = None,
        root: Path = ROOT,
    ) -> None:
        name = f"w{next(_numbers)}"
        self._path = folder / f"{name}.log"
        command = f"-m celery -A {app} worker -n {name}@faults --without-mingle --without-gossip"
        with self._path.open("wb") as log:
            self.process = subprocess.Popen(
                (sys.executable, *command.split(), *arguments.split()),
                cwd=root,
                env=environment(folder, **settings) | dict(variables or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._path.read_text("utf-8", "replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def resident(self) -> int:
        """Bytes of memory that it has in use."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def processor_seconds(self) -> float:
        """Seconds of a processor that it used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def levels(self) -> Iterator[str]:
        """Yield the level of each line that it logged."""
        for line in self.log.splitlines():
            if line.startswith("{"):
                yield json.loads(line)["level"]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return what it logged under that name."""
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in found if line.get("event") == event]

    def ready(self) -> "Worker":
        """Wait until it consumes."""
        wait_until(lambda: "ready." in self.log or not self.alive, "a worker is ready", within=60)
        assert self.alive, self.log
        return self

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = 40.0) -> int:
        """SIGTERM, as a deployment does; return the exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(within)

    def children(self) -> list[int]:
        """Return the processes that it forked."""
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    def close(self) -> None:
        if self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def pause(seconds: float) -> None:
    """Let a fault last; how long it lasts is part of the fault, nothing is waited for."""
    time.sleep(seconds)
