"""One connection's directory, opened."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dispatcher.adapters.directory.choice import chosen
from dispatcher.adapters.directory.desk import Desk, Send
from dispatcher.adapters.directory.entry import Entry
from dispatcher.adapters.directory.kinds import KINDS, cache_age, takes_unverified
from dispatcher.adapters.directory.known import Known
from dispatcher.breaker import Breaker
from dispatcher.connection import DirectoryAccess
from dispatcher.delivery import Skipped
from dispatcher.errors import DirectoryError, DirectoryRefused
from dispatcher.events import Recipient, User

_MOST_REFUSALS: Final = 1_000
"""Tenants; one that is forgotten is asked for again, which does no harm."""


class Place:
    """Asks a directory, and asks for a tenant that it refuses by one probe at a time only.

    A token may lack its right for one organization, or a client be missing in one realm: the
    others are told all the same.

    Args:
        access: Where it is, and what opens it.
        send: Sends a request.
        tell: Is told why, when it does not answer as it should.
    """

    def __init__(
        self, access: DirectoryAccess, send: Send, tell: Callable[[DirectoryError], None]
    ) -> None:
        self.access = access
        self._tell = tell
        self._directory = KINDS[access.kind](access, Desk(send, access.url, tell).ask)
        self._known = Known(self._asked, cache_age(access))
        self._refusals: OrderedDict[str, Breaker] = OrderedDict()

    async def recipient(self, user: User, tenant: str) -> Recipient | Skipped:
        """Return whom to tell.

        Args:
            user: As the event has them.
            tenant: The source's name for whose they are; "" where it names none.

        Raises:
            DirectoryError: That cannot be learnt now.
        """
        entry = await self._known.find(tenant, user.id or "")
        return chosen(
            user,
            entry,
            is_truth=self.access.is_truth,
            takes_unverified=takes_unverified(self.access),
        )

    async def close(self) -> None:
        """Ask for nobody any more."""
        await self._known.close()
        await self._directory.close()

    async def _asked(self, tenant: str, user_id: str) -> Entry | None:
        refusal = self._refusals.get(tenant)
        if refusal is not None and not refusal.permits():
            raise DirectoryRefused("the directory does not let us in; one question at a time tries")
        try:
            entry = await self._directory.find(tenant, user_id)
        except DirectoryRefused as error:
            self._note(tenant, error)
            raise
        except BaseException:
            if refusal is not None:
                refusal.withdrawn()
            raise
        self._refusals.pop(tenant, None)
        return entry

    def _note(self, tenant: str, error: DirectoryRefused) -> None:
        refusal = self._refusals.get(tenant)
        if refusal is None:
            refusal = self._refusals[tenant] = Breaker()
            self._tell(error)
            if len(self._refusals) > _MOST_REFUSALS:
                self._refusals.popitem(last=False)
        refusal.failed()
