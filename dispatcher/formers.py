"""Former mailboxes: who takes an account over changes its address first, and then its password.

So the mailbox that an account had until lately is told of its password, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from dispatcher.events import PASSWORD_CHANGED, Event
from dispatcher.ports import Account, FormerAddressStore
from dispatcher.sources.binding import for_each_mailbox
from dispatcher.triggers.email_change import EMAIL_CHANGED


@dataclass(frozen=True, slots=True)
class Formers:
    """Remembers the mailboxes that were given up lately.

    Args:
        store: Keeps them.
        age: For how many seconds; 0 keeps none.
    """

    store: FormerAddressStore
    age: float

    async def joined(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events, and those besides that tell former mailboxes of them.

        Raises:
            StoreUnavailable: It cannot be told whether there are any.
        """
        if self.age <= 0:
            return events
        await self._remember([event for event in events if event.type == EMAIL_CHANGED])
        # Where the event itself names the former mailbox, that is told already.
        told = {_account(event) for event in events if event.user.previous_email}
        asking = [event for event in events if _asks(event) and _account(event) not in told]
        if not asking:
            return events
        found = await self.store.recall([_account(event) for event in asking])
        addresses = dict(zip(asking, found, strict=True))
        return list(chain.from_iterable(_told(event, addresses.get(event)) for event in events))

    async def _remember(self, changes: Sequence[Event]) -> None:
        for event in changes:
            if event.user.id and event.user.previous_email:
                await self.store.remember(_account(event), event.user.previous_email, self.age)


def _account(event: Event) -> Account:
    return event.org_id, event.user.id or ""


def _asks(event: Event) -> bool:
    return event.type == PASSWORD_CHANGED and bool(event.user.id)


def _told(event: Event, former: str | None) -> Sequence[Event]:
    if former is None:
        return (event,)
    return for_each_mailbox(replace(event, user=replace(event.user, previous_email=former)))
