"""The console as an app of its own: its routes, its sessions, its errors."""

import json
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from dispatcher.errors import DispatcherError, Unauthenticated
from dispatcher.status import HTTP_STATUS, code_of
from dispatcher.web.console.connections import connection_pages
from dispatcher.web.console.deliveries import delivery_pages
from dispatcher.web.console.desk import Console
from dispatcher.web.console.letters import letter_pages
from dispatcher.web.console.overview import LIVE, overview_pages
from dispatcher.web.console.policies import policy_pages
from dispatcher.web.console.sessions import Keeper, SessionCookies
from dispatcher.web.console.sign_in import SingleSignOn, sign_in_pages
from dispatcher.web.console.views import asset

ROOT: Final = "/console"
_NOT_FOUND: Final = 404


def console_app(console: Console, keeper: Keeper, sso: SingleSignOn | None = None) -> ASGIApp:
    """Return the app; it answers all below ``/console``.

    Args:
        console: What pages are made from.
        keeper: Keeps the sessions.
        sso: The issuer's sign-in; None where none is configured.
    """
    pages = (
        *overview_pages(console),
        *delivery_pages(console),
        *letter_pages(console),
        *policy_pages(console),
        *connection_pages(console),
        *sign_in_pages(console, sso),
        Route("/static/{name}", asset),
    )
    told = _Told(console)
    handlers = {DispatcherError: told.error, HTTPException: told.missing}
    app = ExceptionMiddleware(Router(pages, redirect_slashes=False), handlers)
    return SessionCookies(app, keeper, glances={LIVE})


class _Told:
    """Tells what went wrong, as a page."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, DispatcherError)  # noqa: S101 - registered for these
        if isinstance(error, Unauthenticated):
            return _to_sign_in(request)
        status = HTTP_STATUS[code_of(error)]
        return self._page(request, status, str(error))

    async def missing(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
        text = "there is no such page" if error.status_code == _NOT_FOUND else error.detail
        return self._page(request, error.status_code, text)

    def _page(self, request: Request, status: int, text: str) -> Response:
        visitor = getattr(request.state, "visitor", None)
        return self._console.views.page(request, "problem", visitor, status=status, text=text)


def _to_sign_in(request: Request) -> Response:
    """Return the way to the form, and from there back to where a page was wanted."""
    if "x-live" in request.headers:
        return Response(json.dumps({"signed_out": True}), 401)
    path, query = request.scope["path"], request.scope["query_string"].decode()
    wanted = f"{path}?{query}" if query else path
    is_page = request.method == "GET" and path != f"{ROOT}/"
    return RedirectResponse(
        f"{ROOT}/sign-in?{urlencode({'next': wanted})}" if is_page else f"{ROOT}/sign-in", 303
    )
