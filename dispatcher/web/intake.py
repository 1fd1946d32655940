"""Taking requests' bodies in: how much of one, how slowly, and how much of all together."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Message, Receive, Scope

from dispatcher.web import errors

_LINGER_TIME: Final = 1.0
_LINGER_BYTES: Final = 16 * 1024 * 1024
"""How long, and for how much, a body that is too large is still read."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the guard lets through.

    Args:
        body: Most bytes of a request's body.
        bodies: The same for paths that begin so, where it differs.
        body_time: Seconds in which a body must have come.
        held: Bytes of all requests' bodies per process, until they are answered.
        in_flight: Requests in flight per process.
    """

    body: int = 65_536
    bodies: Mapping[str, int] = field(default_factory=dict)
    body_time: float = 10.0
    held: int = 64 * 1024 * 1024
    in_flight: int = 1_000

    def body_of(self, path: str) -> int:
        """Return the most bytes of a body sent to that path."""
        found = (size for prefix, size in self.bodies.items() if path.startswith(prefix))
        return next(found, self.body)


@dataclass(slots=True)
class Load:
    """What one process has in hand.

    Args:
        in_flight: Requests that it works on.
        held: Bytes of bodies that came and are not answered.
    """

    in_flight: int = 0
    held: int = 0


class Body:
    """Takes one request's body in.

    While it waits for the client the request is not in flight: whoever sends nothing shall not
    keep those from being answered who sent all.

    Args:
        scope: The request.
        receive: Brings its body, piece by piece, and then its client's leaving.
        bounds: How much may come.
        load: What the process has in hand, this request counted.
    """

    __slots__ = (
        "_bounds",
        "_deadline",
        "_held",
        "_is_whole",
        "_load",
        "_most",
        "_receive",
        "_scope",
    )

    def __init__(self, scope: Scope, receive: Receive, bounds: Bounds, load: Load) -> None:
        self._scope = scope
        self._receive = receive
        self._bounds = bounds
        self._load = load
        self._most = bounds.body_of(scope["path"])
        self._deadline = 0.0
        self._held = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        """Return the next piece.

        Raises:
            HttpError: It is too large or too slow, or there is no room for it.
        """
        if self._is_whole:
            return await self._receive()  # the client's leaving, whenever that is
        if not self._held and _announced(self._scope) > self._most:
            await self._refuse()
        message = await self._piece()
        size = len(message.get("body", b""))
        self._held += size
        self._load.held += size
        if self._held > self._most:
            await self._refuse()
        self._is_whole = not message.get("more_body", False)
        is_crowded = self._is_whole and self._load.in_flight > self._bounds.in_flight
        if is_crowded or self._load.held > self._bounds.held:
            raise errors.too_busy()
        return message

    def let_go(self) -> None:
        """Count it no longer: it is answered."""
        self._load.held -= self._held

    async def _piece(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._deadline = self._deadline or now + self._bounds.body_time
        self._load.in_flight -= 1
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            raise errors.too_slow() from None
        finally:
            self._load.in_flight += 1

    async def _refuse(self) -> None:
        await _linger(self._scope, self._receive)
        raise errors.too_large(self._most)


async def _linger(scope: Scope, receive: Receive) -> None:
    """Read on for a moment: whoever is still sending would see a broken line, not the answer."""
    if any(name == b"expect" for name, _ in scope["headers"]):
        return  # they wait with the body; to read is to ask for it
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_TIME):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _announced(scope: Scope) -> int:
    """Return the size that a body is announced with; the parser has checked that it is a number."""
    sizes = (int(value) for name, value in scope["headers"] if name == b"content-length")
    return max(sizes, default=0)
