"""One connection to the broker that never waits for a reply: commands out, replies in bulk."""

from collections.abc import Sequence
from select import POLLIN, poll
from ssl import SSLSocket, SSLWantReadError
from typing import Any, Final

import hiredis
from redis.exceptions import ConnectionError as BrokerConnectionError

#: A command: its name and arguments.
Command = tuple[str | bytes | int | float, ...]

_NOTHING: Final = object()
_READ_SIZE: Final = 1 << 18


class Wire:
    """Commands to and replies from the broker over an established redis-py connection.

    redis-py opens, upgrades and authenticates it (TLS, unix sockets, Sentinel, ACL users); from
    then on bytes go past its one-command-one-reply layer. RESP3 is needed: it lets the server
    speak first, which is how a full queue wakes us.
    """

    __slots__ = ("_buffer", "_connection", "_reader")

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 -- any redis-py connection class
        self._connection = connection
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._buffer = bytearray(_READ_SIZE)

    @property
    def is_open(self) -> bool:
        """Whether the socket this was made for is still there."""
        return self._connection._sock is not None  # noqa: SLF001 -- redis-py shows it nowhere else

    def send(self, commands: Sequence[Command]) -> None:
        """Write all commands at once.

        Raises:
            redis.exceptions.ConnectionError: The connection is gone.
        """
        # The stub knows tuples of one element only.
        packed = [hiredis.pack_command(command) for command in commands]  # type: ignore[arg-type]
        self._connection.send_packed_command([b"".join(packed)], check_health=False)

    def read(self) -> list[Any]:
        """Read what has arrived: replies and pushes in order, errors as values.

        Raises:
            redis.exceptions.ConnectionError: The connection is gone.
        """
        reader, buffer = self._reader, self._buffer
        sock = self._connection._sock  # noqa: SLF001 -- as above
        if sock is None:
            raise BrokerConnectionError("The broker connection is closed.")
        try:
            size = (
                _receive_tls(sock, buffer)
                if isinstance(sock, SSLSocket)
                else sock.recv_into(buffer)
            )
        except SSLWantReadError:
            return []
        except OSError:
            self._connection.disconnect()
            raise
        if not size:
            self._connection.disconnect()
            raise BrokerConnectionError("The broker closed the connection.")
        reader.feed(memoryview(buffer)[:size])  # type: ignore[arg-type]  # any buffer will do
        replies = []
        while (reply := reader.gets()) is not _NOTHING:
            replies.append(reply)
        return replies

    def wait(self, seconds: float) -> bool:
        """Wait until something can be read; return whether it can."""
        sock = self._connection._sock  # noqa: SLF001 -- as above
        if sock is None:
            return False
        poller = poll()
        poller.register(sock, POLLIN)
        return bool(poller.poll(seconds * 1000))

    def close(self) -> None:
        """Close the connection without a farewell."""
        self._connection.disconnect()


def _receive_tls(sock: SSLSocket, buffer: bytearray) -> int:
    """Receive one record, never waiting: what arrived may be part of one, or no content at all.

    Raises:
        ssl.SSLWantReadError: It was.
    """
    timeout = sock.gettimeout()
    sock.settimeout(0.0)
    try:
        # A record's content fits the buffer, so nothing stays behind where poll cannot see it.
        return sock.recv_into(buffer)
    finally:
        sock.settimeout(timeout)
