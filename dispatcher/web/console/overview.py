"""The overview: how much came, what became of it, what waits; and the workers that do it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Permission
from dispatcher.web.console.desk import Console, back_to
from dispatcher.web.console.plots import HEIGHT, OUTCOMES, WIDTH, plot
from dispatcher.web.console.views import PLACES
from dispatcher.web.console.visits import Visitor
from dispatcher.web.patience import StorePatience
from dispatcher.workforce import Window, relays_of

LIVE: Final = "/console/live"
"""What the overview asks for by itself, every few seconds."""


@dataclass(frozen=True, slots=True)
class OverviewPages:
    """Shows how things stand.

    Args:
        console: What pages are made from.
    """

    console: Console

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show the overview, or the first page that this visitor may see."""
        if not visitor.may(Permission.DELIVERY_READ):
            first = next((place for place in PLACES if place.is_open_to(visitor)), None)
            if first is not None:
                return back_to(first.path)
        return self.console.page(request, "overview", visitor, **await self._figures(visitor))

    async def live(self, request: Request, visitor: Visitor) -> Response:
        """Show the part of it that changes."""
        return self.console.page(request, "figures", visitor, **await self._figures(visitor))

    async def workers(self, request: Request, visitor: Visitor) -> Response:
        """Show the workers, and how they get on with their relays."""
        visitor.caller.permit_everywhere(Permission.DELIVERY_READ)
        async with StorePatience():
            workers = await self.console.workforce.workers()
            standing = await self.console.workforce.standing()
        return self.console.page(
            request,
            "workers",
            visitor,
            workers=workers,
            relays=relays_of(workers),
            outcomes=OUTCOMES,
            standing=standing,
        )

    async def _figures(self, visitor: Visitor) -> Mapping[str, Any]:
        own = visitor.caller.sees(Permission.DELIVERY_READ)
        org_id, now, workforce = own or "", self.console.clock.now(), self.console.workforce
        async with StorePatience():
            totals, hour, day = await asyncio.gather(
                self.console.log.totals(org_id=org_id),
                workforce.lately(org_id, Window.HOUR, now),
                workforce.lately(org_id, Window.DAY, now),
            )
            of_instance: dict[str, Any] = {"standing": None, "workers": (), "relays": ()}
            if own is None:
                standing, workers = await asyncio.gather(workforce.standing(), workforce.workers())
                of_instance = {
                    "standing": standing,
                    "workers": workers,
                    "relays": relays_of(workers),
                }
        plots = [
            ("hour", "The last hour, by the minute", plot(Window.HOUR, hour, now)),
            ("day", "The last day, by the quarter of an hour", plot(Window.DAY, day, now)),
        ]
        reasons = sorted((totals.reasons or {}).items(), key=lambda item: -item[1])
        return of_instance | {
            "totals": totals,
            "uncertain": (totals.reasons or {}).get("uncertain", 0),
            "reasons": [
                (*name.split(":", 1), count) for name, count in reasons if ":" in name and count > 0
            ],
            "plots": plots,
            "size": (WIDTH, HEIGHT),
            "outcomes": OUTCOMES,
            "org_id": org_id,
        }


def overview_pages(console: Console) -> Sequence[Route]:
    """Return the routes of the overview."""
    pages = OverviewPages(console)
    return (
        Route("/", console.shown(pages.show)),
        Route("/live", console.shown(pages.live)),
        Route("/workers", console.shown(pages.workers)),
    )
