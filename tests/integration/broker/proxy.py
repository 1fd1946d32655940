"""A TCP port that leads to a broker's socket, with TLS if asked, and can fall silent."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import cast


class _End(asyncio.Protocol):
    """One end of a connection; what arrives here leaves at the other."""

    def __init__(self, ends: "set[_End]", *, is_far: bool = False) -> None:
        self.is_far = is_far
        self.other: _End | None = None
        self.opening: asyncio.Task[object] | None = None
        self.is_silent = self.is_cut_by_data = False
        self._ends, self._early = ends, bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ends.add(self)
        self._transport.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self.is_cut_by_data and self.other is not None:
            self.other.abort()
        elif not self.is_silent and self.other is not None:
            self.other.send(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._ends.discard(self)
        if not self.is_silent and self.other is not None:
            self.other.abort()

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._early += data
        else:
            self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Proxy:
    """See `proxy`."""

    def __init__(self, target: str, tls: SSLContext | None) -> None:
        self.port = self.accepted = 0
        self._target, self._tls = target, tls
        self._ends: set[_End] = set()
        self._loop = asyncio.new_event_loop()

    def fall_silent(self) -> None:
        """Forward nothing any more on the connections there are; new ones work."""

        def silence() -> None:
            for end in self._ends:
                end.is_silent = True

        self._loop.call_soon_threadsafe(silence)

    def lose_replies(self) -> None:
        """Break each connection there is as soon as a reply comes: it is lost; new ones work."""

        def cut() -> None:
            for end in self._ends:
                end.is_cut_by_data = end.is_far

        self._loop.call_soon_threadsafe(cut)

    def run(self, ready: threading.Event, over: asyncio.Event) -> None:
        self._loop.run_until_complete(self._serve(ready, over))
        self._loop.close()

    def stop(self, over: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(over.set)

    async def _serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        server = await self._loop.create_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()
        while self._ends:
            for end in tuple(self._ends):
                end.abort()
            await asyncio.sleep(0.01)

    def _accept(self) -> _End:
        self.accepted += 1
        near, far = _End(self._ends), _End(self._ends, is_far=True)
        near.other, far.other = far, near
        opening = self._loop.create_unix_connection(lambda: far, self._target)
        near.opening = self._loop.create_task(opening)
        return near


@contextmanager
def proxy(target: str, tls: SSLContext | None = None) -> Iterator[Proxy]:
    """Lead connections to a port of loopback to the socket *target*."""
    running, ready, over = Proxy(target, tls), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=running.run, args=(ready, over))
    thread.start()
    assert ready.wait(10)
    try:
        yield running
    finally:
        running.stop(over)
        thread.join()
