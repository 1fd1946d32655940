"""Dead letters of the ledger: found, and changed one by one or all that match."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dispatcher.cli.failures import UsageError
from dispatcher.cli.session import Books
from dispatcher.delivery import Delivery, DeliveryFilter, State
from dispatcher.stories import wire
from dispatcher.stories.redact import redacted

_AT_ONCE: Final = 1000

Change = Callable[[str, str], Awaitable[bool]]
"""Changes the dead letter of an organization and an event id; False where there is none."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The dead letters that were changed, and the ids that name none."""

    done: Sequence[Delivery] = ()
    missing: Sequence[str] = ()


async def newest(books: Books, wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
    """Return the newest dead letters; those that were dropped are history, not letters."""
    asked = limit
    while True:
        found = await books.deliveries(wanted, limit=asked)
        letters = [one for one in found if one.event is not None]
        if len(letters) >= limit or len(found) < asked:
            return letters[:limit]
        asked *= 4


async def named(books: Books, event_id: str, org: str) -> Sequence[Delivery]:
    """Return the dead letters of an event's id, one per organization that has it."""
    found = await books.find(event_id, org_id=org)
    return [one for one in found if one.state is State.DEAD and one.event is not None]


async def change_named(books: Books, ids: Sequence[str], org: str, change: Change) -> Changed:
    """Change the dead letters that are named.

    Raises:
        UsageError: An id is dead in several organizations.
    """
    changed, missing = [], []
    for event_id in dict.fromkeys(ids):
        found = await named(books, event_id, org)
        if len(found) > 1:
            owners = ", ".join(one.org_id for one in found)
            raise UsageError(f"{event_id} is dead in {owners}: say which with --org")
        if found and await change(found[0].org_id, event_id):
            changed.append(found[0])
        else:
            missing.append(event_id)
    return Changed(changed, missing)


async def change_all(books: Books, wanted: DeliveryFilter, change: Change) -> Changed:
    """Change all dead letters that match."""
    changed: list[Delivery] = []
    seen: set[tuple[str, str]] = set()
    while True:
        # A letter may die again while we go on; each is changed once.
        found = await newest(books, wanted, _AT_ONCE + len(seen))
        fresh = [one for one in found if (one.org_id, one.event_id) not in seen]
        if not fresh:
            return Changed(changed)
        for one in fresh:
            seen.add((one.org_id, one.event_id))
            if await change(one.org_id, one.event_id):
                changed.append(one)


def document(one: Delivery, *, reveal: bool) -> dict[str, Any]:
    """Return a dead letter as JSON, its event with personal fields hidden unless *reveal*."""
    return wire.delivery(one) | {"event": one.event if reveal else redacted(one.event or {})}
