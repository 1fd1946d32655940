"""The express way: routes that need nothing of the framework are not taken through it.

FastAPI describes all our routes, and matches and calls those that have parameters in their path.
For the others its way costs more than half of what a request costs, and does nothing: their
endpoints take the request and return the response.
"""

from collections.abc import Awaitable, Callable, Iterable
from inspect import signature
from typing import Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

_Endpoint = Callable[[Request], Awaitable[Response]]
_PLAIN: Final = ([Request], Response)


class Express:
    """Answers requests by a look-up of method and path; what is not found goes on to the app.

    Args:
        app: The app.
        routes: Its routes.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, APIRoute) and _is_plain(route)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = scope["type"] == "http" and self._routes.get((scope["method"], scope["path"]))
        if not route:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # the log tells of requests by their routes
        endpoint: _Endpoint = route.endpoint
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def _is_plain(route: APIRoute) -> bool:
    """Tell whether an endpoint takes the request, returns the response, and that is all."""
    if route.param_convertors or route.dependencies:
        return False
    described = signature(route.endpoint)
    taken = [parameter.annotation for parameter in described.parameters.values()]
    return (taken, described.return_annotation) == _PLAIN
