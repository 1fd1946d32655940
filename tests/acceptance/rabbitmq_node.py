"""RabbitMQ nodes of the test's own: ports, folders and port mapper; any user may start them."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's: what is on the PATH is a wrapper that insists on root and on /var/lib."""

PATIENCE: Final = 60.0


def is_installed() -> bool:
    return SERVER.exists() and shutil.which("epmd") is not None


class PortMapper:
    """Erlang's port mapper, and the cookie that nodes know each other by.

    Args:
        folder: The home of all that find each other by it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, (self.port,) = folder, _free_ports(1)
        self.env = os.environ | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(10))
        cookie.chmod(0o400)

    def __enter__(self) -> Self:
        argv = ["epmd", "-port", str(self.port), "-address", "127.0.0.1"]
        self._program = subprocess.Popen(argv, env=self.env, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()
        self._program.wait()


class Node:
    """One node, beside a port mapper that outlives it: it may be killed, and started again.

    Args:
        mapper: Runs already.
        name: What it is called among its peers.
        peers: The names of all nodes of its cluster; none where it is alone.
    """

    def __init__(self, mapper: PortMapper, name: str = "alone", peers: Sequence[str] = ()) -> None:
        self.name = f"{name}@localhost"
        self._folder = mapper.folder / name
        self._folder.mkdir()
        self._port, distribution = _free_ports(2)
        self._env = mapper.env | _configured(self._folder, self.name, self._port, peers)
        self._env["RABBITMQ_DIST_PORT"] = str(distribution)
        self._program: subprocess.Popen[bytes] | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its first process; the others are children of it."""
        assert self._program is not None
        return self._program.pid

    def start(self) -> None:
        """Start it, and wait until it speaks AMQP."""
        path = self._folder / "node.log"
        with path.open("ab") as log:
            self._program = subprocess.Popen(
                [str(SERVER)],
                cwd=self._folder,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_until_ready(self._port, self._program, path)

    def kill(self) -> None:
        """Kill -9 of all of it."""
        if self._program is not None:
            os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()
            self._program = None

    def control(self, *arguments: str) -> str:
        """Return what ``rabbitmqctl`` prints about it."""
        command = (str(SERVER.with_name("rabbitmqctl")), "-q", "-n", self.name, *arguments)
        done = subprocess.run(
            command, env=self._env, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a node with its files in *folder*; yields its ``amqp://`` URL."""
    with PortMapper(folder) as mapper, Node(mapper) as node:
        yield node.url


def _configured(folder: Path, name: str, port: int, peers: Sequence[str]) -> dict[str, str]:
    configuration = folder / "rabbitmq.conf"
    discovery = [
        "cluster_formation.peer_discovery_backend = rabbit_peer_discovery_classic_config",
        *(f"cluster_formation.classic_config.nodes.{n} = {peer}" for n, peer in enumerate(peers)),
    ]
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{port}",
        *("log.console = true", "log.console.level = warning", "log.file = false"),
        "disk_free_limit.absolute = 50MB",
        *(discovery if peers else ()),
    ]
    configuration.write_text("\n".join([*lines, ""]))
    (folder / "enabled_plugins").write_text("[].\n")
    return {
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_CONFIG_FILE": str(configuration.with_suffix("")),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }


def _wait_until_ready(port: int, node: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert node.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                if client.recv(1):  # Connection.Start: it speaks AMQP
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
