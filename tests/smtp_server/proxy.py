"""A TCP proxy that adds a round-trip time, as a relay far away would have."""

import asyncio
from typing import Self, cast


class DelayingProxy:
    """Forwards to a port on loopback, each direction delayed by half the round trip.

    Args:
        target: The port to forward to.
        round_trip: Seconds.
    """

    def __init__(self, target: int, round_trip: float) -> None:
        self._target = target
        self._delay = round_trip / 2
        self._server: asyncio.Server | None = None
        self._pipes: set[_Pipe] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pipe in tuple(self._pipes):
            pipe.abort()
        await asyncio.sleep(0)

    def _accept(self) -> "_Pipe":
        near = _Pipe(self._delay, self._pipes)
        far = _Pipe(self._delay, self._pipes)
        near.other, far.other = far, near
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(lambda: far, "127.0.0.1", self._target)
        near.opening = loop.create_task(opening)
        return near


class _Pipe(asyncio.Protocol):
    def __init__(self, delay: float, pipes: "set[_Pipe]") -> None:
        self.other: _Pipe | None = None
        self.opening: asyncio.Task[object] | None = None
        self._delay = delay
        self._pipes = pipes
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pipes.add(self)
        for data in self._early:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        asyncio.get_running_loop().call_later(self._delay, self.other.send, data)

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._pipes.discard(self)
        if self.other is not None:
            asyncio.get_running_loop().call_later(self._delay, self.other.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
