"""How a scripted relay's replies reach the wire: at once, in packets, or drop by drop."""

import asyncio
from collections import deque

from tests.smtp_server.script import Traits


class Voice:
    """Collects replies, and sends them as the relay's traits ask."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._packet = 1 if traits.drip else traits.packet
        self._said: list[bytes] = []
        self._packets: deque[bytes] = deque()
        self._closing = False

    def say(self, reply: str) -> None:
        if self._traits.multiline and "\r\n" not in reply and reply[:3].isdigit():
            reply = f"{reply[:3]}-first\r\n{reply[:3]}-\r\n{reply}"
        self._said.append(reply.encode() + b"\r\n")

    def flush(self, transport: asyncio.Transport, *, close: bool = False) -> None:
        self._closing = self._closing or close
        said = b"".join(self._said)
        self._said.clear()
        if not self._packet:
            if said and not transport.is_closing():
                transport.write(said)
            if close:
                transport.close()
            return
        under_way = bool(self._packets)
        self._packets += [
            said[start : start + self._packet] for start in range(0, len(said), self._packet)
        ]
        if not under_way:
            self._drip(transport)

    def _drip(self, transport: asyncio.Transport) -> None:
        if transport.is_closing():
            self._packets.clear()
        elif self._packets:
            transport.write(self._packets[0])
            delay = self._traits.drip
            asyncio.get_running_loop().call_later(delay, self._next, transport)
        elif self._closing:
            transport.close()

    def _next(self, transport: asyncio.Transport) -> None:
        if self._packets:
            self._packets.popleft()
        self._drip(transport)
