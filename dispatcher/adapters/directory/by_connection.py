"""The directories of connections: whoever brought an event knows whom it is about."""

from collections.abc import Callable
from functools import partial

from dispatcher.adapters.directory.desk import Line
from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.adapters.directory.place import Place
from dispatcher.connection import Connection, DirectoryAccess, Origin
from dispatcher.delivery import Skipped
from dispatcher.events import Addressee, Event, Recipient, User
from dispatcher.ports import ConnectionStore


class ConnectionDirectory:
    """Asks the directory of an event's connection where the event names no address.

    Where that directory is the truth, it is asked always. An event for the mailbox before a
    change of the address is taken as it is: no directory knows that one any more.

    Args:
        connections: Knows which connection may speak for whom, and where its directory is.
        tell: Is told what is away, and why.
        open_line: Opens what asks over HTTP, once that is needed.
    """

    def __init__(
        self,
        connections: ConnectionStore,
        tell: Callable[[str, Exception], None],
        open_line: Callable[[], Line] | None = None,
    ) -> None:
        self._connections = connections
        self._tell = tell
        self._from_event = FromEvent()
        self._places: dict[str, Place] = {}
        self._open_line = open_line or _open_line
        self._line: Line | None = None

    async def find(
        self, event: Event, addressee: Addressee = Addressee.CURRENT
    ) -> Recipient | Skipped:
        """Return whom to tell about the event, or why rightly nobody is.

        Raises:
            DirectoryError: That cannot be learnt now.
            ConnectionUnreadable: What opens the directory cannot be decrypted here.
            StoreUnavailable: Which directory to ask cannot be read.
        """
        origin = Origin.parse(event.source)
        user, origin = event.user, Origin.parse(event.source)
        if origin is None or not user.id or not _is_about_current_mailbox(user, addressee):
            return await self._from_event.find(event, addressee)
        connection = await self._connections.find(origin.connection)
        access = _access(connection, origin.tenant, event)
        if access is None:
            return await self._from_event.find(event, addressee)
        return await self._place(origin.connection, access).recipient(user, origin.tenant)

    async def close(self) -> None:
        """Ask nobody any more, and close every connection."""
        for place in self._places.values():
            await place.close()
        if self._line is not None:
            await self._line.close()

    def _place(self, name: str, access: DirectoryAccess) -> Place:
        """Return the connection's directory; a former one only finishes what it was asked."""
        place = self._places.get(name)
        if place is None or place.access != access:
            self._line = self._line or self._open_line()
            tell = partial(self._tell, f"the directory of {name}")
            place = self._places[name] = Place(access, self._line.send, tell)
        return place


def _open_line() -> Line:
    # Whoever needs no directory is spared the memory of an HTTP client.
    from dispatcher.adapters.directory.wire import Wire  # noqa: PLC0415

    return Wire()


def _is_about_current_mailbox(user: User, addressee: Addressee) -> bool:
    is_about_previous = user.email is None and user.previous_email is not None
    return addressee is Addressee.CURRENT and not is_about_previous


def _access(connection: Connection | None, tenant: str, event: Event) -> DirectoryAccess | None:
    """Return the directory that is to be asked, or None."""
    if connection is None or connection.organization_of(tenant) != event.org_id:
        return None  # whoever said so was no connection, or may not speak for that organization
    access, user = connection.directory, event.user
    has_address = user.email is not None and user.email_verified is not False
    return access if access is not None and (access.is_truth or not has_address) else None
