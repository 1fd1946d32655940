"""The relay that everybody submits to: says yes to all, as cheaply as Python can.

``python -m tests.bench.sink``, a process of its own. Prints its port. Each line on its standard
input asks for ``<messages taken> <monotonic ns>``; at its end the sink ends, too. With
``--stamps`` it prints ``<recipient> <monotonic ns>`` for each message instead.

The scripted relay of ``tests.smtp_server`` can misbehave, which costs three times as much.
"""

import argparse
import asyncio
import ssl
import sys
from pathlib import Path
from time import monotonic_ns
from typing import cast

import uvloop

from tests.smtp_server.certificates import self_made_certificate

_GREETING = b"220 sink\r\n"
_OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_OFFERS_TLS = _OFFERS.replace(b"250 SMTPUTF8", b"250-SMTPUTF8\r\n250 STARTTLS")
_FINE, _GO_ON, _BYE, _READY = b"250 ok\r\n", b"354 go on\r\n", b"221 bye\r\n", b"220 go\r\n"
_END = b"\r\n.\r\n"


class Tally:
    """How many messages were taken, by all connections.

    Args:
        stamps: Whether to print each.
    """

    def __init__(self, *, stamps: bool) -> None:
        self.messages = 0
        self.stamps = stamps

    def tell(self) -> None:
        print(self.messages, monotonic_ns(), flush=True)


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: Tally, tls: ssl.SSLContext | None) -> None:
        self._tally, self._tls = tally, tls
        self._transport: asyncio.Transport | None = None
        self._upgrade: asyncio.Task[None] | None = None
        self._buffer = b""
        self._in_content = False
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        greet = self._transport is None
        self._transport = cast("asyncio.Transport", transport)
        if greet:
            self._transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        buffer, start, replies = self._buffer + data if self._buffer else data, 0, []
        while True:
            end = buffer.find(_END if self._in_content else b"\r\n", start)
            if end < 0:
                break
            if self._in_content:
                self._in_content = False
                self._take()
                replies.append(_FINE)
                start = end + len(_END)
            else:
                replies.append(self._answer(buffer[start : start + 4].upper(), buffer, start, end))
                start = end + 2
        # A dot line may follow DATA at once: the line end before it stays to be found.
        self._buffer = buffer[start:]
        if replies and self._transport is not None:
            self._transport.write(b"".join(replies))

    def _answer(self, verb: bytes, buffer: bytes, start: int, end: int) -> bytes:
        match verb:
            case b"EHLO":
                return _OFFERS_TLS if self._tls else _OFFERS
            case b"DATA":
                self._in_content = True
                return _GO_ON
            case b"RCPT":
                if self._tally.stamps:
                    self._recipient = buffer[start + 8 : end].strip(b"<> ")
            case b"STAR":
                self._upgrade = asyncio.get_running_loop().create_task(self._start_tls())
                return b""
            case b"QUIT":
                asyncio.get_running_loop().call_soon(self._close)
                return _BYE
            case _:
                pass
        return _FINE

    def _take(self) -> None:
        self._tally.messages += 1
        if self._tally.stamps:
            print(self._recipient.decode(), monotonic_ns(), flush=True)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _start_tls(self) -> None:
        assert self._transport is not None
        assert self._tls is not None
        self._transport.write(_READY)
        tls, self._tls = self._tls, None
        self._transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, tls, server_side=True
        )


async def _serve(tally: Tally, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(tally, tls), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        tally.tell()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sink", description=__doc__)
    parser.add_argument("--stamps", action="store_true")
    parser.add_argument("--starttls", metavar="FOLDER", type=Path)
    chosen = parser.parse_args()
    tls = self_made_certificate(chosen.starttls).server_context() if chosen.starttls else None
    uvloop.run(_serve(Tally(stamps=chosen.stamps), tls))


if __name__ == "__main__":
    main()
