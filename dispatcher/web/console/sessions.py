"""Sessions on the server: the browser holds a random id, the store what only that id opens.

Starsessions does cookies and expiry. What it keeps is encrypted with a key that is made of the id,
under a name that is the id's hash: whoever reads the store can neither read nor take over a
session, and several processes agree without a common secret.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Collection
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Final, Protocol

import structlog
from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starsessions import SessionMiddleware, SessionStore

from dispatcher.errors import StoreUnavailable

_log: Final = structlog.get_logger("dispatcher.web")

COOKIE: Final = "dispatcher_console"
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_LONGEST_ID: Final = 64
"""Characters; ours have 32."""


class Keeper(Protocol):
    """Keeps bytes under names, each for a while.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def read(self, name: str) -> bytes | None:
        """Return what is kept under a name; None where nothing is."""
        ...

    async def write(self, name: str, sealed: bytes, seconds: int) -> None:
        """Keep bytes under a name for some seconds."""
        ...

    async def remove(self, name: str) -> None:
        """Keep nothing under a name any more."""
        ...


class SealedSessions(SessionStore):
    """Keeps sessions so that only their ids open them.

    Args:
        keeper: Keeps what is sealed.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def read(self, session_id: str, lifetime: int) -> bytes:
        """Return a session; nothing where there is none, or what is there is not ours."""
        del lifetime
        if len(session_id) > _LONGEST_ID:
            return b""
        sealed = await self._keeper.read(_name(session_id))
        try:
            return _seal(session_id).decrypt(sealed) if sealed else b""
        except InvalidToken:
            return b""

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        """Keep a session; one that cannot be prolonged now ends the sooner.

        It is kept when its page is on its way already: there is nobody to tell.
        """
        del lifetime
        sealed = _seal(session_id).encrypt(data)
        try:
            await self._keeper.write(_name(session_id), sealed, max(ttl, 1))
        except StoreUnavailable as error:
            _log.warning("a session was not kept", detail=str(error))
        return session_id

    async def remove(self, session_id: str) -> None:
        """End a session."""
        await self._keeper.remove(_name(session_id))


class SessionCookies:
    """Gives an app its sessions; the cookie goes over TLS only, but on this very machine.

    Args:
        app: The app.
        keeper: Keeps the sessions.
        glances: Paths that a page asks for by itself: they look at a session and prolong none.
    """

    def __init__(self, app: ASGIApp, keeper: Keeper, glances: Collection[str] = ()) -> None:
        self._app = app
        self._store = store = SealedSessions(keeper)
        self._glances = glances

        def with_cookies(*, https_only: bool) -> ASGIApp:
            return SessionMiddleware(
                app,
                store=store,
                lifetime=IDLE,
                rolling=True,
                cookie_name=COOKIE,
                cookie_https_only=https_only,
                cookie_path="/console",
            )

        self._over_tls = with_cookies(https_only=True)
        self._on_loopback = with_cookies(https_only=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] in self._glances:
            await self._app({**scope, "session": await self._glance(scope)}, receive, send)
            return
        app = self._on_loopback if is_on_loopback(scope) else self._over_tls
        await app(scope, receive, send)

    async def _glance(self, scope: Scope) -> dict[str, Any]:
        session_id = HTTPConnection(scope).cookies.get(COOKIE, "")
        text = await self._store.read(session_id, 0)
        found: dict[str, Any] = json.loads(text) if text else {}
        return found


def is_on_loopback(scope: Scope) -> bool:
    """Tell whether the browser believes to speak to its own machine, where there is no TLS."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name in {"localhost", "127.0.0.1", "[::1]"}


def _name(session_id: str) -> str:
    return _hash(session_id, b"name").hex()


def _seal(session_id: str) -> Fernet:
    return Fernet(urlsafe_b64encode(_hash(session_id, b"seal")))


def _hash(session_id: str, purpose: bytes) -> bytes:
    """Return one of two hashes of an id of 128 random bits; neither tells anything of the other."""
    text = session_id.encode(errors="surrogatepass")
    return blake2b(text, digest_size=32, person=purpose).digest()
