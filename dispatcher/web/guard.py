"""The guard around the app: how much may come in, how slowly, and what every answer carries."""

from time import perf_counter
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.errors import DispatcherError
from dispatcher.policy import Manner
from dispatcher.web import errors
from dispatcher.web.intake import Body, Bounds, Load

_log: Final = structlog.get_logger("dispatcher.web")

_PROBES: Final = frozenset(
    {"/healthz", "/readyz", "/metrics", "/management/v1/healthz", "/admin/v1/healthz"}
)
"""They are answered however busy the process is: a busy one is not a dead one."""

_CLIENT_LEFT: Final = 499
"""What the log says of clients that left before their body had come, as nginx's does."""

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

_BEFORE_CACHE_CONTROL: Final = frozenset({b"pragma", b"expires"})


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
        self._load = Load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and self._manner is Manner.SETTING:
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        reply = _Reply(scope, send)
        if self._load.in_flight >= self._bounds.in_flight and scope["path"] not in _PROBES:
            await errors.answer(errors.too_busy(), self._manner)(scope, receive, reply)
            return
        self._load.in_flight += 1
        body = Body(scope, receive, self._bounds, self._load)
        try:
            await self._app(scope, body, reply)
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
            self._load.in_flight -= 1
            body.let_go()
            reply.tell()


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
            if b"cache-control" in told:  # older words for it would contradict what it says
                told |= _BEFORE_CACHE_CONTROL
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
