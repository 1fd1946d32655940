"""Who gets figures over the API's port: whoever is near, or may see all deliveries."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.adapters.monitoring.plain_http import Reply
from dispatcher.errors import DispatcherError
from dispatcher.policy import Manner
from dispatcher.web import errors
from dispatcher.web.metrics_route import MetricsDesk, metrics_router
from tests.contract.policy_api.installation import Installation


def asked(address: str, **headers: str) -> httpx.Response:
    async def metrics(accept: str) -> Reply:
        return Reply(f"figures for {accept}".encode(), "text/figures")

    async def told(_request: Request, error: Exception) -> Response:
        assert isinstance(error, DispatcherError)
        return errors.answer(error, Manner.SETTING)

    app = FastAPI(exception_handlers={DispatcherError: told})
    app.include_router(
        metrics_router(MetricsDesk(metrics, Installation(Manner.SETTING).desks().gate))
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            return await http.get("/metrics", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "172.18.0.7", "fd00::1"])
def test_whoever_is_near_gets_them(address: str) -> None:
    reply = asked(address, accept="text/plain")
    assert (reply.status_code, reply.text) == (200, "figures for text/plain")
    assert reply.headers["content-type"] == "text/figures"


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "somewhere"])
def test_whoever_is_far_away_needs_a_token(address: str) -> None:
    assert asked(address).status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_may_come_from_anywhere(header: str) -> None:
    assert asked("10.1.2.3", **{header: "10.9.9.9"}).status_code == 401


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ("root", 200),
        ("auditor", 200),
        ("manager", 200),
        ("owner", 403),
        ("viewer", 403),
        ("nobody", 401),
    ],
)
def test_figures_are_for_those_who_may_see_all_deliveries(caller: str, status: int) -> None:
    assert asked("8.8.8.8", authorization=f"Bearer {caller}").status_code == status
