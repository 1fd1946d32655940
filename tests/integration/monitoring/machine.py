"""A machine: a Valkey of its own, workers of the real app, and who asks how they are."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from celery import Celery
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.integration.broker.processes import REPOSITORY, Broker, wait_until

OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0"

_HANGING: Final = Path(__file__).with_name("hanging_worker.py")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Machine:
    """Where processes share a data folder and an address for their metrics."""

    folder: Path
    broker: Broker
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=_free_port)
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DISPATCHER_", "COV"))}
        usual = {
            "BROKER_URL": self.broker.url,
            "STORE_URL": self.broker.url,
            "DATA_DIR": str(self.folder / "data"),
            "METRICS_BIND": f"127.0.0.1:{self.port}",
            "SMTP_URL": "smtp://127.0.0.1:9?tls=none",
            "MAIL_FROM": "Acme <no-reply@acme.example>",
            "STOP_GRACE": "1",
        }
        own = {f"DISPATCHER_{name}": value for name, value in (usual | self.settings).items()}
        return kept | own | {"PYTHONPATH": str(REPOSITORY)}

    def start(self, name: str, *, hangs: bool = False) -> "subprocess.Popen[bytes]":
        """Start a worker; with *hangs*, one whose consumer hangs from SIGUSR2 to SIGUSR2."""
        program = [str(_HANGING)] if hangs else ["-m", "dispatcher.worker"]
        return self.run(*program, name)

    def run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                (sys.executable, *arguments),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(process)
        return process

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            (sys.executable, "-m", "dispatcher", *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def stop(self) -> None:
        for process in self.workers:
            process.send_signal(signal.SIGTERM)
        for process in self.workers:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ask(self, path: str, **headers: str) -> httpx.Response | None:
        """Return what is answered at the common address, or None where nobody answers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            return httpx.get(url, headers=headers, trust_env=False, timeout=5.0)
        except httpx.TransportError:
            return None

    def status(self, path: str) -> int:
        reply = self.ask(path)
        return reply.status_code if reply is not None else 0

    def reason(self) -> str:
        reply = self.ask("/readyz")
        return str(reply.json()["status"]) if reply is not None else ""

    def become(self, path: str, status: int, *, within: float = 30.0) -> float:
        """Wait for a probe's status; return how many seconds that took."""
        began = time.monotonic()
        wait_until(lambda: self.status(path) == status, within, f"{path} {status}: {self.log()}")
        return time.monotonic() - began

    def metrics(self) -> dict[str, Metric]:
        """Return what the common address tells, parsed; nothing where nobody answers."""
        reply = self.ask("/metrics", accept=OPEN_METRICS)
        if reply is None:
            return {}
        assert reply.status_code == 200
        families = text_string_to_metric_families(reply.text)  # type: ignore[no-untyped-call] # theirs
        return {family.name: family for family in families}

    def figure(self, sample: str, **labels: str) -> float | None:
        """Return the sum of the samples of that name that have these labels, if there are any."""
        values = [
            each.value
            for family in self.metrics().values()
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        ]
        return sum(values) if values else None

    def publish(self, events: Sequence[dict[str, Any]]) -> None:
        app = Celery(broker=self.environment["DISPATCHER_BROKER_URL"], set_as_current=False)
        app.conf.task_create_missing_queue_type = "quorum"  # as RabbitMQ's are
        with app.connection_for_write() as connection:
            for event in events:
                app.send_task(
                    "dispatcher.password_changed",
                    [event],
                    queue="notifications",
                    ignore_result=True,
                    connection=connection,
                )

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace")[-4000:] if path.exists() else ""


@contextmanager
def a_machine(folder: Path, **settings: str) -> Iterator[Machine]:
    """Have a machine; what runs on it ends with the context."""
    broker = Broker(folder)
    broker.start()
    machine = Machine(folder, broker, settings)
    try:
        yield machine
    finally:
        machine.stop()
        broker.kill()


def eventually(holds: Callable[[], Any], what: str, within: float = 30.0) -> Any:
    return wait_until(holds, within, what)
