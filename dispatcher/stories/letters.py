"""Dead letters, found: the newest, or those of an event's id."""

from collections.abc import Sequence

from dispatcher.delivery import Delivery, DeliveryFilter, place_in_time
from dispatcher.ports import DeadLetters, DeliveryLog


async def newest_letters(
    letters: DeadLetters, wanted: DeliveryFilter, limit: int
) -> Sequence[Delivery]:
    """Return the newest dead letters that match, at most *limit*.

    Raises:
        StoreUnavailable: They cannot be read.
    """
    found: list[Delivery] = []
    async for page in letters.letters(wanted, at_once=limit):
        found += page
        if len(found) >= limit:
            break
    return sorted(found, key=place_in_time, reverse=True)[:limit]


async def letters_named(log: DeliveryLog, event_id: str, org_id: str) -> Sequence[Delivery]:
    """Return the dead letters of an event's id, one per organization that has it.

    Those that were dropped are history, not letters.

    Args:
        log: Knows them.
        event_id: The event's id, or the receipt where it has none.
        org_id: The organization; "" for all.

    Raises:
        StoreUnavailable: They cannot be read.
    """
    return [one for one in await log.find(event_id, org_id=org_id) if one.is_letter]
