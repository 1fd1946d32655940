"""A RabbitMQ node of the test's own: ports, folder and port mapper; any user may start it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's: what is on the PATH is a wrapper that insists on root and on /var/lib."""

PATIENCE: Final = 60.0


def is_installed() -> bool:
    return SERVER.exists() and shutil.which("epmd") is not None


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a node with its files in *folder*; yields its ``amqp://`` URL."""
    amqp, distribution, mapper = _free_ports(3)
    environment = _environment(folder, amqp=amqp, distribution=distribution, mapper=mapper)
    with (
        _program(["epmd", "-port", str(mapper), "-address", "127.0.0.1"], folder, environment),
        _program([str(SERVER)], folder, environment) as node,
    ):
        _wait_until_ready(amqp, node, folder / "node.log")
        yield f"amqp://guest:guest@127.0.0.1:{amqp}//"


def _environment(folder: Path, *, amqp: int, distribution: int, mapper: int) -> dict[str, str]:
    configuration = folder / "rabbitmq.conf"
    configuration.write_text(
        f"listeners.tcp.1 = 127.0.0.1:{amqp}\n"
        "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    return os.environ | {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "dispatcher-test@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONFIG_FILE": str(configuration.with_suffix("")),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }


@contextmanager
def _program(
    argv: list[str], folder: Path, environment: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / "node.log").open("ab") as log:
        program = subprocess.Popen(
            argv, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield program
    finally:
        os.killpg(program.pid, signal.SIGTERM)
        try:
            program.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


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
