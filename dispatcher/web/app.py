"""The app: its routes, and how its errors are told."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp

from dispatcher import __version__
from dispatcher.dry_run import DryRun
from dispatcher.errors import DispatcherError
from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.ports import Observer
from dispatcher.status import Code
from dispatcher.web import docs_page, errors, grpc_web
from dispatcher.web.express import Express
from dispatcher.web.gate import Gate
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.guard import Guard
from dispatcher.web.intake import Bounds
from dispatcher.web.policy_history import history_router
from dispatcher.web.policy_routes import PolicyDesk, admin_router, management_router
from dispatcher.web.probes import probe_router

_METHODS: Final = ("DELETE", "GET", "POST", "PUT")
_CONSOLE: Final = "/console"
_NOT_FOUND: Final = 404
_WRONG_METHOD: Final = 405

_DESCRIPTION: Final = (
    "Says whether an organization's people are told when their password changes. The policy "
    "routes are those of ZITADEL's API. Every error has a body `{code, message, details}` with "
    "gRPC's status codes."
)


@dataclass(frozen=True, slots=True)
class Desks:
    """What the app works with.

    Args:
        policies: The policies; their manner is the app's.
        gate: Who may do what.
        observer: Is told of every change.
        switches: The switches that mean something.
        dry_run: Tells what another policy would have done.
        ready: Returns once the store answers; raises StoreUnavailable where it does not.
        routers: Other routes.
        bounds: How much may come in.
        origins: Whose pages may call from a browser; where none is named, anybody's over
            gRPC-Web, nobody's over REST.
        console: The operators' page; None where there is none.
    """

    policies: Policies
    gate: Gate
    observer: Observer
    switches: frozenset[str]
    dry_run: DryRun
    ready: Callable[[], Awaitable[None]]
    routers: Sequence[APIRouter] = ()
    bounds: Bounds = field(default_factory=Bounds)
    origins: Sequence[str] = ()
    console: ASGIApp | None = None


def create_app(desks: Desks) -> FastAPI:
    """Return the app."""
    app = FastAPI(
        title="Notification Dispatcher",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    manner = desks.policies.manner
    desk = PolicyDesk(desks.policies, desks.gate, desks.observer, desks.switches)
    routers = (
        management_router(desk),
        admin_router(desk),
        history_router(desks.policies, desks.gate, desks.dry_run),
        probe_router(desks.ready),
        *desks.routers,
    )
    for router in routers:
        app.include_router(router)
    calls = Calls(desks.policies, desks.gate, desks.observer)
    app.router.routes.extend(grpc_web.routes(calls, desks.origins))
    _describe(app)
    app.add_route("/docs", docs_page.endpoint(app), methods=["GET"], include_in_schema=False)
    if desks.console is not None:
        _open_console(app, desks.console)
    described = [route for router in routers for route in router.routes]
    app.add_middleware(Express, routes=described)
    if desks.origins:
        app.add_middleware(CORSMiddleware, **grpc_web.cross_origin(desks.origins, _METHODS))
    app.add_middleware(Guard, bounds=desks.bounds, manner=manner)
    _tell_errors(app, manner, described)
    return app


def _open_console(app: FastAPI, console: ASGIApp) -> None:
    async def to_home(_: Request) -> Response:
        return RedirectResponse(f"{_CONSOLE}/", 308)

    app.add_route(_CONSOLE, to_home, methods=["GET"], include_in_schema=False)
    app.mount(_CONSOLE, console)


def _describe(app: FastAPI) -> None:
    generate = app.openapi

    def described() -> dict[str, Any]:
        reference = generate()
        components = reference.setdefault("components", {})
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        return reference

    app.openapi = described  # type: ignore[method-assign] # FastAPI's documented way


def _tell_errors(app: FastAPI, manner: Manner, routes: Sequence[BaseRoute]) -> None:
    async def told(_request: Request, error: Exception) -> Response:
        assert isinstance(error, DispatcherError)  # noqa: S101 - registered for these
        return errors.answer(error, manner)

    async def told_by_router(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
        if error.status_code == _NOT_FOUND:
            return errors.answer(errors.unknown_path(), manner)
        if error.status_code == _WRONG_METHOD:
            allow = _methods([*routes, *app.routes], request)
            if request.method == "OPTIONS" and manner is Manner.SETTING:
                return Response(status_code=204, headers={"allow": allow})
            return errors.answer(errors.wrong_method(allow), manner)
        other = errors.HttpError(
            str(error.detail), status=error.status_code, code=Code.INVALID_ARGUMENT
        )
        return errors.answer(other, manner)

    app.add_exception_handler(DispatcherError, told)
    app.add_exception_handler(HTTPException, told_by_router)


def _methods(routes: Sequence[BaseRoute], request: Request) -> str:
    """Return all methods that the path knows; a route of its own knows only its own."""
    known: set[str] = set()
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            known |= getattr(route, "methods", None) or set()
    if "GET" in known:
        known.add("HEAD")
    return ", ".join(sorted(known))
