"""Figures over the API's port: for whoever reaches it from within, or may see all deliveries."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.access import Permission
from dispatcher.adapters.monitoring.plain_http import Reply
from dispatcher.web.gate import Gate
from dispatcher.web.patience import StorePatience
from dispatcher.web.requests import call_of

_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""What proxies add: whoever comes through one may come from anywhere."""


@dataclass(frozen=True, slots=True)
class MetricsDesk:
    """Answers scrapers.

    Args:
        metrics: Returns all figures, in the form that an ``Accept`` header asks for.
        gate: Knows the others.
    """

    metrics: Callable[[str], Awaitable[Reply]]
    gate: Gate

    async def take(self, request: Request) -> Response:
        """Answer with the figures of all processes of this machine, and of the installation."""
        if not _is_from_within(request):
            async with StorePatience():
                await self.gate.instance(call_of(request), Permission.DELIVERY_READ)
        reply = await self.metrics(request.headers.get("accept", ""))
        return Response(reply.body, headers={"content-type": reply.media_type})


def metrics_router(desk: MetricsDesk) -> APIRouter:
    """Return the route that scrapers ask."""
    router = APIRouter()
    router.add_api_route("/metrics", desk.take, methods=["GET"], include_in_schema=False)
    return router


def _is_from_within(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
