"""Connections: which IAMs call here, and for whom they may speak."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Permission
from dispatcher.connection import Connection
from dispatcher.errors import ConnectionUnreadable
from dispatcher.stories.connections import address, secrets, speaks_for
from dispatcher.web.console.desk import Console
from dispatcher.web.console.visits import Visitor
from dispatcher.web.patience import StorePatience


@dataclass(frozen=True, slots=True)
class ConnectionPages:
    """Shows connections.

    Args:
        console: What pages are made from.
    """

    console: Console

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """Show them all."""
        visitor.caller.permit_everywhere(Permission.DELIVERY_READ)
        async with StorePatience():
            names = await self.console.connections.names()
            found = await asyncio.gather(*map(self._readable, names))
        return self.console.page(
            request,
            "connections",
            visitor,
            listed=list(zip(names, found, strict=True)),
            address=address,
            secrets=secrets,
            speaks_for=speaks_for,
        )

    async def _readable(self, name: str) -> Connection | None:
        """Return a connection; None where its secrets cannot be read here, or it has just gone."""
        try:
            return await self.console.connections.find(name)
        except ConnectionUnreadable:
            return None


def connection_pages(console: Console) -> Sequence[Route]:
    """Return the routes of connections."""
    return (Route("/connections", console.shown(ConnectionPages(console).list)),)
