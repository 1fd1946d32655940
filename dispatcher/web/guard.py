"""The guard around the app: how much may come in, how slowly, and what every answer carries."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.errors import DispatcherError
from dispatcher.policy import Manner
from dispatcher.web import errors

_log: Final = structlog.get_logger("dispatcher.web")

_PROBES: Final = frozenset(
    {"/healthz", "/readyz", "/metrics", "/management/v1/healthz", "/admin/v1/healthz"}
)
"""They are answered however busy the process is: a busy one is not a dead one."""

_CLIENT_LEFT: Final = 499
"""What the log says of clients that left before their body had come, as nginx's does."""

_LINGER_TIME: Final = 1.0
_LINGER_BYTES: Final = 16 * 1024 * 1024
"""How long, and for how much, a body that is too large is still read."""

_HEADERS: Final = {
    b"cache-control": b"no-store",
    b"pragma": b"no-cache",
    b"expires": b"0",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
}
"""What every answer says unless it says something else there."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the guard lets through.

    Args:
        body: Most bytes of a request's body.
        bodies: The same for paths that begin so, where it differs.
        body_time: Seconds in which a body must have come.
        in_flight: Requests in flight per process.
    """

    body: int = 65_536
    bodies: Mapping[str, int] = field(default_factory=dict)
    body_time: float = 10.0
    in_flight: int = 1_000

    def body_of(self, path: str) -> int:
        """Return the most bytes of a body sent to that path."""
        found = (size for prefix, size in self.bodies.items() if path.startswith(prefix))
        return next(found, self.body)


class Guard:
    """Bounds what comes in, and gives every answer its headers.

    Args:
        app: The app.
        bounds: How much.
        manner: How errors are told.
    """

    def __init__(self, app: ASGIApp, *, bounds: Bounds, manner: Manner) -> None:
        self._app = app
        self._bounds = bounds
        self._manner = manner
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and self._manner is Manner.SETTING:
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        reply = _Reply(scope, send)
        if self._in_flight >= self._bounds.in_flight and scope["path"] not in _PROBES:
            await errors.answer(errors.too_busy(), self._manner)(scope, receive, reply)
            return
        self._in_flight += 1
        try:
            await self._app(scope, self._bounded(scope, receive), reply)
        except ClientDisconnect:
            reply.status = _CLIENT_LEFT
        except Exception as error:
            if isinstance(error, DispatcherError) and not reply.has_begun:
                await errors.answer(error, self._manner)(scope, receive, reply)
                return
            _log.exception("request failed", method=scope["method"], path=_route(scope))
            if reply.has_begun:
                raise
            await errors.unexpected(self._manner)(scope, receive, reply)
        finally:
            self._in_flight -= 1
            reply.tell()

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        most = self._bounds.body_of(scope["path"])
        size = max((_announced(*header) for header in scope["headers"]), default=0)
        if size <= most:
            size = 0  # what comes is counted
        deadline, is_whole = 0.0, False

        async def bounded() -> Message:
            nonlocal deadline, size, is_whole
            if is_whole:
                return await receive()  # the client's leaving, whenever that is
            if size > most:
                await _linger(scope, receive)
                raise errors.too_large(most)
            deadline = deadline or asyncio.get_running_loop().time() + self._bounds.body_time
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise errors.too_slow() from None
            size += len(message.get("body", b""))
            if size > most:
                await _linger(scope, receive)
                raise errors.too_large(most)
            is_whole = not message.get("more_body", False)
            return message

        return bounded


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


def _announced(name: bytes, value: bytes) -> int:
    """Return the size that a header announces; the parser has checked that it is a number."""
    return int(value) if name == b"content-length" else 0


class _Reply:
    """Sends the answer, with the headers that every answer has."""

    __slots__ = ("_began", "_scope", "_send", "has_begun", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = perf_counter()
        self.status = 0
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            told = {name for name, _ in message["headers"]}
            extra = [item for item in _HEADERS.items() if item[0] not in told]
            message["headers"] = [*message["headers"], *extra]
        await self._send(message)

    def tell(self) -> None:
        """Log the request: what changed something or went wrong; what was only read, in detail."""
        is_quiet = self._scope["method"] in {"GET", "HEAD", "OPTIONS"} and self.status < 500  # noqa: PLR2004 - RFC 9110 section 15.6
        (_log.debug if is_quiet else _log.info)(
            "request",
            method=self._scope["method"],
            path=_route(self._scope),
            status=self.status,
            seconds=round(perf_counter() - self._began, 4),
        )


def _route(scope: Scope) -> str:
    """Return the route's pattern, for the path itself may hold what no log shall."""
    return getattr(scope.get("route"), "path", "-")
