"""Is it alive, is it ready?"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher.web import reference
from dispatcher.web.patience import StorePatience

_ALIVE = reference.answers(reference.Nothing, reference.ANYONE)


def probe_router(ready: Callable[[], Awaitable[None]]) -> APIRouter:
    """Return the routes that say whether this process can serve.

    Args:
        ready: Raises StoreUnavailable where the store does not answer.
    """
    router = APIRouter(tags=["Probes"])

    @router.get("/healthz", response_model=None, responses=_ALIVE)
    async def healthz(_: Request) -> Response:
        """Answer as long as this process lives."""
        return JSONResponse({})

    @router.get("/management/v1/healthz", response_model=None, responses=_ALIVE)
    async def management_healthz(_: Request) -> Response:
        """Answer as long as this process lives."""
        return JSONResponse({})

    @router.get("/admin/v1/healthz", response_model=None, responses=_ALIVE)
    async def admin_healthz(_: Request) -> Response:
        """Answer as long as this process lives."""
        return JSONResponse({})

    @router.get("/readyz", response_model=None, responses=_ALIVE)
    async def readyz(_: Request) -> Response:
        """Answer with 503 where the store does not answer."""
        async with StorePatience():
            await ready()
        return JSONResponse({})

    return router
