"""Where servers listen: several processes at one address, each with a socket of its own.

The kernel shares new connections out among them (``SO_REUSEPORT``). Whoever starts them holds the
address meanwhile with a socket that does not listen: a port that was chosen freely stays the
same, and a second system at the same address is told so.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from dispatcher.errors import ConfigError

_BACKLOG: Final = 2048
_LOOPBACK_NAME: Final = "localhost"

SHARED: Final = "--shared"
"""Tells a process that whoever started it holds its addresses for it and for others."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or number, and a port; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Return the address that ``host:port`` or ``[::1]:port`` says.

        Raises:
            ConfigError: It is of another form.
        """
        expected = ConfigError("expected host:port, such as 127.0.0.1:8080 or [::1]:8080")
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise expected from None
        if not host or port is None or parts.path or parts.username is not None:
            raise expected
        return cls(host, port)

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == _LOOPBACK_NAME

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@contextmanager
def held(address: Address) -> Iterator[Address]:
    """Hold an address, so that processes started meanwhile can listen there; yield it.

    Raises:
        ConfigError: Something else listens there, or it is none of this machine's.
    """
    with _bound(address, shared=False) as alone:
        port = alone.getsockname()[1]
    chosen = Address(address.host, port)
    with _bound(chosen, shared=True):
        yield chosen


def listen(address: Address) -> socket.socket:
    """Return a socket that listens there beside those of other processes of ours.

    Raises:
        ConfigError: Something else listens there, or it is none of this machine's.
    """
    listening = _bound(address, shared=True)
    listening.listen(_BACKLOG)
    listening.setblocking(False)  # noqa: FBT003 - the standard library's way
    return listening


def _bound(address: Address, *, shared: bool) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"cannot listen at {address}: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(place)
    except OSError as error:
        bound.close()
        raise ConfigError(f"cannot listen at {address}: {error.strerror}") from error
    return bound
