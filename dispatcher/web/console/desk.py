"""What the console's pages work with: the very services that the API works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dispatcher.ports import Clock, ConnectionStore, DeliveryLog
from dispatcher.web.app import Desks
from dispatcher.web.console.forms import sent
from dispatcher.web.console.views import Views
from dispatcher.web.console.visits import Doorkeeper, Visitor
from dispatcher.web.letter_routes import LetterDesk
from dispatcher.workforce import Workforce

Shown = Callable[[Request, Visitor], Awaitable[Response]]
"""A page for somebody who is known."""

Done = Callable[[Request, Visitor, Mapping[str, str]], Awaitable[Response]]
"""What a form asks for, done for somebody who is known."""


@dataclass(frozen=True, slots=True)
class Console:
    """What pages are made from.

    Args:
        doorkeeper: Knows visitors.
        desks: The API's parts: policies, switches, observer.
        log: Knows what became of events.
        letters: Shows and changes dead letters.
        workforce: Knows the workers, and what they lately did.
        connections: Keeps connections.
        clock: Tells the time.
        views: Makes pages.
    """

    doorkeeper: Doorkeeper
    desks: Desks
    log: DeliveryLog
    letters: LetterDesk
    workforce: Workforce
    connections: ConnectionStore
    clock: Clock
    views: Views

    def shown(self, show: Shown) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that shows a page to whoever is signed in."""

        async def endpoint(request: Request) -> Response:
            return await show(request, await self._visitor(request))

        return endpoint

    def done(self, purpose: str, do: Done) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that does what one of this session's own forms asks for."""

        async def endpoint(request: Request) -> Response:
            visitor = await self._visitor(request)
            return await do(request, visitor, await sent(request, visitor, purpose))

        return endpoint

    def page(self, request: Request, name: str, visitor: Visitor, **words: Any) -> Response:  # noqa: ANN401 - whatever the template shows
        """Return a page for somebody."""
        return self.views.page(request, name, visitor, **words)

    async def _visitor(self, request: Request) -> Visitor:
        visitor = await self.doorkeeper.visitor(request)
        request.state.visitor = visitor  # for the page that tells what goes wrong
        return visitor


def back_to(address: str) -> Response:
    """Return the answer to a form: look there, by GET."""
    return RedirectResponse(address, 303)
