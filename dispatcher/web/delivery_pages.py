"""Pages of deliveries, newest first, each with a cursor to where the next begins.

A cursor is the place of a page's last delivery in time, not a number: what comes or changes
meanwhile moves nothing, and a delivery that changes between two pages is only newer.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dispatcher.delivery import Delivery, DeliveryFilter, place_in_time
from dispatcher.web.delivery_query import invalid

_SAME_INSTANT: Final = 512
"""Deliveries that may have changed in one millisecond: two calls of the ledger carry as many."""

_MORE: Final = (16, 300, 2 * _SAME_INSTANT)
"""How many deliveries more than a page has are asked for: first for what is usual."""

Read = Callable[[DeliveryFilter, int], Awaitable[Sequence[Delivery]]]
"""Returns the newest deliveries that match, at most so many."""

_Place = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries, and the cursor to those before them; "" at the end."""

    deliveries: Sequence[Delivery]
    next: str


async def page(read: Read, wanted: DeliveryFilter, *, limit: int, cursor: str) -> Page:
    """Return a page.

    Args:
        read: Reads the log.
        wanted: What is listed.
        limit: How many there are on the page, at most.
        cursor: Where the page before ended; "" for the first.

    Raises:
        RejectedInput: The cursor is none of ours.
        StoreUnavailable: The log cannot be read.
    """
    last = _decode(cursor) if cursor else None
    if last is not None:
        wanted = replace(wanted, until=last[0])
    found = await _found(read, wanted, limit, last)
    shown = found[:limit]
    return Page(shown, _encode(place_in_time(shown[-1])) if len(found) > limit else "")


async def _found(
    read: Read, wanted: DeliveryFilter, limit: int, last: _Place | None
) -> Sequence[Delivery]:
    """Return what comes behind a place: a page at least, and one more to tell that there is one.

    Before the page may be some of an instant that were shown, behind it some that were not read:
    a few more are asked for, and as many as an instant can have only where those are not enough.
    """
    left: list[Delivery] = []
    for more in _MORE:
        found = await read(wanted, limit + 1 + more)
        left = [one for one in found if last is None or place_in_time(one) < last]
        is_all = len(found) <= limit + more
        if is_all or (len(left) > limit and found[-1].changed_at < left[limit - 1].changed_at):
            break
    return left


def _encode(place: _Place) -> str:
    text = json.dumps([place[0].isoformat(), *place[1:]])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> _Place:
    try:
        time, org_id, event_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = datetime.fromisoformat(time), str(org_id), str(event_id)
        place[0].astimezone()  # what has no place in time, or no zone, is not from us
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise invalid("cursor: expected the `next` of the page before") from None
    if place[0].tzinfo is None:
        raise invalid("cursor: expected the `next` of the page before")
    return place
