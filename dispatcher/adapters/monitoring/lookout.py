"""Who of a machine's processes answers at the one address: whoever is first, until it ends."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from dispatcher.adapters.monitoring.plain_http import PlainServer

_log: Final = structlog.get_logger("dispatcher")

_PAUSE: Final = 2.0
"""Seconds between two tries: how long nobody answers when the one who did has died."""


class Lookout:
    """Takes the address as soon as nobody has it.

    That it is taken is the usual case where several workers run on one machine, and is never a
    reason not to work. Only if none of ours has it is it worth a warning.

    Args:
        host: Where to listen.
        port: The port; 0 for any free one.
        server: Answers there.
        is_ours: Tells whether one of our processes answers there already.
    """

    def __init__(
        self, host: str, port: int, server: PlainServer, is_ours: Callable[[], Awaitable[bool]]
    ) -> None:
        self._place = host, port
        self._server = server
        self._is_ours = is_ours
        self._has_warned = False
        self.addresses: Sequence[str] = ()
        """Where this process answers; nowhere while another one does."""

    async def run(self) -> None:
        """Go on until cancelled."""
        server = await self._take()
        while server is None:
            await asyncio.sleep(_PAUSE)
            server = await self._take()
        try:
            self.addresses = [_text(each.getsockname()) for each in server.sockets]
            _log.info("metrics and health", at=[f"http://{each}" for each in self.addresses])
            await server.serve_forever()
        finally:
            self.addresses = ()
            server.close()

    async def _take(self) -> asyncio.Server | None:
        try:
            return await self._server.listen_at(*self._place)
        except OSError as error:
            if not self._has_warned and not (_is_taken(error) and await self._is_ours()):
                self._has_warned = True
                _log.warning("no place for metrics", detail=error.strerror, at=_text(self._place))
            return None


def _is_taken(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def _text(place: tuple[object, ...]) -> str:
    host, port = place[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
