"""Routes that need nothing of the framework are answered past it; all others by it."""

import asyncio
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dispatcher.web.express import Express

TRIES = [
    ("GET", "/plain", 200, "express"),
    ("POST", "/plain", 200, "express"),
    ("PUT", "/plain", 405, "app"),
    ("GET", "/plain/", 307, "app"),
    ("GET", "/plain/one", 200, "app"),
    ("GET", "/shaped", 200, "app"),
    ("GET", "/guarded", 200, "app"),
    ("GET", "/asking", 200, "app"),
    ("GET", "/nowhere", 404, "app"),
]


def a_router() -> APIRouter:
    router = APIRouter()

    @router.api_route("/plain", methods=["GET", "POST"], response_model=None)
    async def plain(_: Request) -> Response:
        return PlainTextResponse("plain")

    @router.get("/plain/{name}", response_model=None)
    async def named(_: Request, name: str) -> Response:
        return PlainTextResponse(name)

    @router.get("/shaped")
    async def shaped(_: Request) -> dict[str, int]:
        return {"a": 1}

    @router.get("/guarded", response_model=None, dependencies=[Depends(lambda: None)])
    async def guarded(_: Request) -> Response:
        return PlainTextResponse("guarded")

    @router.get("/asking", response_model=None)
    async def asking(_: Request, more: Annotated[str, Depends(lambda: "more")]) -> Response:
        return PlainTextResponse(more)

    return router


async def asked(method: str, path: str) -> tuple[int, str]:
    """Return the status, and by whom it was answered."""
    app, router, passed = FastAPI(), a_router(), []
    app.include_router(router)

    async def watched(scope: object, receive: object, send: object) -> None:
        passed.append(scope)
        await app(scope, receive, send)  # type: ignore[arg-type] # ASGI's, handed on

    express = Express(watched, routes=router.routes)
    transport = httpx.ASGITransport(express)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        reply = await client.request(method, path)
    return reply.status_code, "app" if passed else "express"


@pytest.mark.parametrize(("method", "path", "status", "by"), TRIES)
def test_only_plain_routes_take_the_express_way(
    method: str, path: str, status: int, by: str
) -> None:
    assert asyncio.run(asked(method, path)) == (status, by)


def test_the_route_is_known_to_whoever_logs_the_request() -> None:
    async def ask() -> object:
        scope = {"type": "http", "method": "GET", "path": "/plain", "headers": []}

        async def nothing(*_: object) -> dict[str, object]:
            return {}

        await Express(nothing, routes=a_router().routes)(scope, nothing, nothing)  # type: ignore[arg-type] # enough of ASGI
        return scope["route"]

    assert getattr(asyncio.run(ask()), "path", None) == "/plain"
