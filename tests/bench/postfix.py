"""The limit in C: Postfix's generator into a sink, without queue, ledger or templates."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.bench.lanes import Lane, Run
from tests.bench.series import Series
from tests.bench.servers import sink, stop, wait_until

_SESSIONS: Final = "16"
_PLACES: Final = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Debian keeps both programs where an ordinary user's PATH does not lead."""


def smtp_source(run: Run, *, own_sink: bool) -> Lane:
    """Return smtp-source's lane: into our sink, or into Postfix's."""
    source, target = (shutil.which(name, path=_PLACES) for name in ("smtp-source", "smtp-sink"))
    series = Series(f"smtp-source → {'our sink' if own_sink else 'smtp-sink'}", "mails/s")
    if source is None or target is None:
        series.missing = "Postfix's tools are not installed"
    messages = run.scaled(50_000)

    def measure() -> float:
        options = ("-d", "-s", _SESSIONS, "-m", str(messages), "-l", str(run.mail_bytes))
        with _own_port() if own_sink else _postfix_port(str(target)) as port:
            started = time.perf_counter()
            subprocess.run([str(source), *options, f"127.0.0.1:{port}"], check=True)
            return messages / (time.perf_counter() - started)

    return Lane(series, measure)


@contextmanager
def _own_port() -> Iterator[int]:
    with sink() as relay:
        yield relay.port


@contextmanager
def _postfix_port(program: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen(
        [program, *user, f"127.0.0.1:{port}", "1024"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port), "smtp-sink listens", within=10)
        yield port
    finally:
        stop([process])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
