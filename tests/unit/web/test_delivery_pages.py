"""Pages of a log show each delivery once, however many changed in one instant."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest

from dispatcher.delivery import Delivery, DeliveryFilter, State, place_in_time
from dispatcher.errors import RejectedInput
from dispatcher.web.delivery_pages import page
from tests.builders import NOON


def a_log(instants: Sequence[int]) -> list[Delivery]:
    """Return deliveries, so many in each millisecond, as a store keeps them: newest first."""
    log: list[Delivery] = []
    for number, count in enumerate(instants):
        at = NOON - timedelta(milliseconds=number)
        names = [f"{number}-{index}" for index in range(count)]
        Random(number).shuffle(names)
        log += [Delivery("acme", name, State.SENT, "", at, at) for name in names]
    return log


def all_pages(log: Sequence[Delivery], limit: int) -> list[str]:
    async def read(wanted: DeliveryFilter, most: int) -> Sequence[Delivery]:
        matching = [one for one in log if not wanted.until or one.changed_at <= wanted.until]
        return sorted(matching[:most], key=place_in_time, reverse=True)

    async def pages() -> list[str]:
        seen, cursor = [], ""
        while True:
            shown = await page(read, DeliveryFilter(), limit=limit, cursor=cursor)
            seen += [one.event_id for one in shown.deliveries]
            if not (cursor := shown.next):
                return seen

    return asyncio.run(pages())


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("instants", [(), (1,), (300,), (5, 300, 1, 40), (256, 256, 256)])
def test_each_is_shown_once_newest_first(instants: tuple[int, ...], limit: int) -> None:
    log = a_log(instants)

    seen = all_pages(log, limit)

    in_order = sorted(log, key=place_in_time, reverse=True)
    assert seen == [one.event_id for one in in_order]


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "WyIyMDI2IiwxLDJd", "%", "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    async def read(_wanted: DeliveryFilter, _most: int) -> Sequence[Delivery]:
        raise AssertionError

    with pytest.raises(RejectedInput, match="cursor"):
        asyncio.run(page(read, DeliveryFilter(), limit=1, cursor=cursor))
