"""Asking a server a plain question over its unix socket, in its inline protocol.

A dozen lines instead of a client library: what is asked here must work while
the server still loads, and must not retry behind our back.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

from dispatcher.errors import StoreUnavailable


def ask(path: Path, question: str, *, within: float = 2.0) -> str:
    """Return the server's answer to one command without spaces in its arguments.

    Args:
        path: The server's unix socket.
        question: The command, such as ``PING``.
        within: Seconds that each step may take.

    Raises:
        StoreUnavailable: Nobody answers there, or the answer is an error.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(within)
            connection.connect(str(path))
            connection.sendall(f"{question}\r\n".encode())
            with connection.makefile("rb") as answer:
                head = answer.readline()
                body = answer.read(int(head[1:])) if head.startswith(b"$") else head[1:].strip()
    except OSError as error:
        raise StoreUnavailable(f"no server answers at {path}: {error.strerror or error}") from error
    if not head or head.startswith(b"-"):
        raise StoreUnavailable(
            f"the server at {path} answers: {body.decode(errors='replace') or 'nothing'}"
        )
    return body.decode(errors="replace")


def facts(path: Path, section: str) -> Mapping[str, str]:
    """Return one section of ``INFO``, which a server answers even while it loads.

    Raises:
        StoreUnavailable: Nobody answers there.
    """
    lines = ask(path, f"INFO {section}").splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


def is_ready(path: Path) -> bool:
    """Return whether the server there has loaded its files and serves."""
    try:
        return facts(path, "persistence").get("loading") == "0" and ask(path, "PING") == "PONG"
    except StoreUnavailable:
        return False
