"""A directory with an office of a kind behind it, and what it told operators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.adapters.directory.by_connection import ConnectionDirectory
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.connection import Connection, DirectoryAccess, Origin
from dispatcher.delivery import Skipped
from dispatcher.events import Event, Recipient, User
from tests.builders import an_event
from tests.integration.directory.office import SECRET, TENANT, Office, opened

KINDS: Final = ("zitadel", "keycloak", "okta", "scim")

_OPTIONS: Final = {"keycloak": {"client_id": "dispatcher"}}


@dataclass
class World:
    """A directory, and whom it can ask."""

    office: Office
    connections: MemoryConnectionStore
    directory: ConnectionDirectory
    told: list[tuple[str, str]] = field(default_factory=list)

    async def find(self, user_id: str = "u-1", **fields: Any) -> Recipient | Skipped:
        """Look a user up whose event names no address."""
        return await self.directory.find(brought(User(id=user_id, **fields)))

    async def connect(self, **fields: Any) -> None:
        """Give the connection another directory."""
        connection = a_connection(self.office, **fields)
        await self.connections.alter(connection.name, lambda _old: connection)


def brought(user: User, *, tenant: str = TENANT, org: str = "acme") -> Event:
    return an_event(user=user, org=org, source=str(Origin("iam", tenant)))


def a_connection(
    office: Office, *, secret: str = SECRET, is_truth: bool = False, url: str = "", **options: str
) -> Connection:
    kind = office.kind
    access = DirectoryAccess(
        kind, url or office.url, secret, _OPTIONS.get(kind, {}) | options, is_truth=is_truth
    )
    tenants = {TENANT: "acme", "300002": "globex"}
    return Connection("iam", "zitadel", tenants=tenants, directory=access)


@asynccontextmanager
async def a_world(kind: str, **fields: Any) -> AsyncIterator[World]:
    """Open a world in which the directory is of that kind."""
    told: list[tuple[str, str]] = []
    async with opened(Office(kind)) as office:
        connections = MemoryConnectionStore([a_connection(office, **fields)])
        directory = ConnectionDirectory(
            connections, lambda what, error: told.append((what, type(error).__name__))
        )
        try:
            yield World(office, connections, directory, told)
        finally:
            await directory.close()
