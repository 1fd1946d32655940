"""A real Postfix of our own: it takes mail on a port, and hands all of it to one next host."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_SERVICES = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_SETTINGS = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.acme.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{next_port}
smtp_tls_security_level = none
notify_classes =
"""


@contextmanager
def running_postfix(next_port: int) -> Iterator[int]:
    """Run Postfix with 127.0.0.1:*next_port* as its next host; yield the port it listens on."""
    program = shutil.which("postfix", path=_PATH)
    if program is None or os.getuid() != 0:
        pytest.skip("needs Postfix, and root to start it")
    # Postfix's own user must reach it, which pytest's folders do not allow.
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    port = _free_port()
    try:
        folder.chmod(0o755)
        for name in ("conf", "queue", "lib", "log"):
            (folder / name).mkdir()
        shutil.chown(folder / "lib", "postfix")
        conf = folder / "conf"
        (conf / "main.cf").write_text(_SETTINGS.format(folder=folder, next_port=next_port))
        (conf / "master.cf").write_text(_SERVICES.format(port=f"127.0.0.1:{port}"))
        _postfix(program, conf, "start")
        try:
            _wait_until_it_listens(port)
            yield port
        finally:
            _postfix(program, conf, "abort")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postfix(program: str, conf: Path, command: str) -> None:
    done = subprocess.run(
        [program, "-c", str(conf), command], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        pytest.skip(f"Postfix does not {command} here: {done.stderr[-300:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Postfix does not listen")
