"""What became of events: a list with filters, and the story of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Permission
from dispatcher.delivery import Delivery, DeliveryFilter, State
from dispatcher.errors import DeliveryNotFound
from dispatcher.stories.redact import redacted
from dispatcher.stories.story import tell
from dispatcher.web.console.desk import Console, back_to
from dispatcher.web.console.queries import PERIODS, as_api, as_asked
from dispatcher.web.console.views import link
from dispatcher.web.console.visits import Visitor
from dispatcher.web.delivery_pages import page
from dispatcher.web.delivery_query import organization_of, query_of
from dispatcher.web.patience import LOG_PATIENCE, StorePatience


@dataclass(frozen=True, slots=True)
class DeliveryPages:
    """Shows deliveries.

    Args:
        console: What pages are made from.
    """

    console: Console

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """Show a page of the log."""
        query = query_of(as_api(request, self.console.clock), visitor.caller)

        async def read(wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
            return await self.console.log.deliveries(wanted, limit=limit)

        async with StorePatience(LOG_PATIENCE):
            found = await page(read, query.wanted, limit=query.limit, cursor=query.cursor)
        return self.console.page(
            request,
            "deliveries",
            visitor,
            found=found,
            asked=as_asked(request),
            is_later_page=bool(query.cursor),
            states=[(state.value, state.value) for state in State],
            periods=PERIODS,
            sees_all=visitor.caller.sees(Permission.DELIVERY_READ) is None,
        )

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show what became of one event, in each organization that has its id."""
        org_id = organization_of(request, visitor.caller, Permission.DELIVERY_READ)
        event_id = request.path_params["event_id"]
        async with StorePatience(LOG_PATIENCE):
            found = await self.console.log.find(event_id, org_id=org_id)
        if not found:
            raise DeliveryNotFound(
                f"no event {event_id} is known here, or no longer", id="DELIVERY-not-found"
            )
        now = self.console.clock.now()
        return self.console.page(
            request,
            "delivery",
            visitor,
            event_id=event_id,
            told=[(one, tell(one, now=now)) for one in found],
            redacted=redacted,
            done=request.query_params.get("done", ""),
        )

    async def find(self, request: Request, visitor: Visitor) -> Response:
        """Go to the event whose id was typed."""
        visitor.caller.sees(Permission.DELIVERY_READ)
        wanted = request.query_params.get("event", "").strip()
        return back_to(link("delivery", wanted) if wanted else link("deliveries"))


def delivery_pages(console: Console) -> Sequence[Route]:
    """Return the routes of the log."""
    pages = DeliveryPages(console)
    return (
        Route("/deliveries", console.shown(pages.list)),
        Route("/delivery/{event_id:path}", console.shown(pages.show)),
        Route("/find", console.shown(pages.find)),
    )
