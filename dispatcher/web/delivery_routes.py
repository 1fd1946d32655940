"""The delivery log over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher.access import Permission
from dispatcher.delivery import Delivery, DeliveryFilter
from dispatcher.errors import DeliveryNotFound
from dispatcher.ports import Clock, DeliveryLog
from dispatcher.stories import wire
from dispatcher.web import reference
from dispatcher.web.delivery_pages import page
from dispatcher.web.delivery_query import LISTING, ORG, organization_of, query_of
from dispatcher.web.gate import Gate
from dispatcher.web.patience import LOG_PATIENCE, StorePatience
from dispatcher.web.requests import caller_of


class OneDelivery(BaseModel):
    """What became of one event."""

    model_config = ConfigDict(extra="allow")

    event_id: str
    org_id: str
    state: str
    reason: str | None


class Deliveries(BaseModel):
    """A page of deliveries; without `next` it is the last."""

    deliveries: list[OneDelivery]
    next: str | None = None


class Story(BaseModel):
    """What became of an event, told."""

    deliveries: list[OneDelivery]


@dataclass(frozen=True, slots=True)
class DeliveryDesk:
    """Answers what became of events.

    Args:
        log: Knows it.
        gate: Knows who may ask.
        clock: Tells the time.
    """

    log: DeliveryLog
    gate: Gate
    clock: Clock

    async def list(self, request: Request) -> Response:
        """Answer with a page."""
        query = query_of(request, await caller_of(request, self.gate))

        async def read(wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
            return await self.log.deliveries(wanted, limit=limit)

        async with StorePatience(LOG_PATIENCE):
            shown = await page(read, query.wanted, limit=query.limit, cursor=query.cursor)
        listed = [wire.delivery(one) for one in shown.deliveries]
        return JSONResponse({"deliveries": listed} | ({"next": shown.next} if shown.next else {}))

    async def show(self, request: Request) -> Response:
        """Answer with the stories of one event id."""
        caller = await caller_of(request, self.gate)
        org_id = organization_of(request, caller, Permission.DELIVERY_READ)
        async with StorePatience(LOG_PATIENCE):
            found = await self.log.find(request.path_params["event_id"], org_id=org_id)
        if not found:
            raise DeliveryNotFound(
                "no event of that id is known, or no longer", id="DELIVERY-not-found"
            )
        return JSONResponse(
            {"deliveries": [wire.whole(one, now=self.clock.now()) for one in found]}
        )


EVENT_ID: Final[dict[str, Any]] = {
    "name": "event_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}


def delivery_router(desk: DeliveryDesk) -> APIRouter:
    """Return the routes of the delivery log."""
    router = APIRouter(prefix="/v1/deliveries", tags=["Deliveries"])

    @router.get(
        "",
        response_model=None,
        responses=reference.answers(Deliveries, (*reference.CALLER, 400)),
        openapi_extra=reference.about(reference.SECURED, parameters=LISTING),
    )
    async def get_deliveries(request: Request) -> Response:
        """List deliveries, the last changed first."""
        return await desk.list(request)

    @router.get(
        "/{event_id:path}",  # noqa: FAST003 - else FastAPI would answer in its own form
        response_model=None,
        responses=reference.answers(Story, (*reference.CALLER, 400)),
        openapi_extra=reference.about(reference.SECURED, parameters=[EVENT_ID, ORG]),
    )
    async def get_delivery(request: Request) -> Response:
        """Tell the whole story of an event: one delivery for each organization that has the id."""
        return await desk.show(request)

    return router
