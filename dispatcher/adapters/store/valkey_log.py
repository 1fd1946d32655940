"""Reads the ledger in Valkey, for the person who asks what became of an event."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from heapq import nlargest
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store.codec import decode_delivery, decode_message, to_milliseconds
from dispatcher.adapters.store.connection import Script, store_errors
from dispatcher.adapters.store.names import name_of, pack, to_bytes, unpack
from dispatcher.delivery import Delivery, DeliveryFilter, State, Totals, place_in_time
from dispatcher.message import Message

_ORGS_AT_ONCE: Final = 500
_PLACES: Final = {
    "open": frozenset({State.CLAIMED, State.QUEUED, State.DEFERRED}),
    "dead": frozenset({State.DEAD}),
    "finished": frozenset({State.SENT, State.SKIPPED, State.DEAD}),
}
"""Where to look for which states, in the order deliveries move: none slips past a reader."""


class ValkeyDeliveryLog:
    """Answers what became of events.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
        retention: For how many seconds a finished delivery is answerable.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:", retention: float = 604800.0) -> None:
        self._client = client
        self._prefix = prefix
        self._retention_ms = round(retention * 1000)
        self._log = Script(client, "common", "log")

    async def find(self, event_id: str, *, org_id: str = "") -> Sequence[Delivery]:
        """Return the deliveries of that event id, one per organization that has it, by its name.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        if org_id:
            return await self._find([name_of(org_id, event_id)])
        found: dict[str, Delivery] = {}
        async for orgs in self._organizations():
            names = [b"%b:%b" % (org, pack(event_id)) for org in orgs]
            found |= {each.org_id: each for each in await self._find(names)}
        return [found[org] for org in sorted(found)]

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 100) -> Sequence[Delivery]:
        """Return the newest deliveries that match, by their last change, newest first.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        found: dict[tuple[str, str], Delivery] = {}
        for place, states in _PLACES.items():
            if wanted.state is None or wanted.state in states:
                newest = await self._newest(place, wanted, limit)
                found |= {(each.org_id, each.event_id): each for each in newest}
        return nlargest(limit, found.values(), key=place_in_time)

    async def letters(
        self, wanted: DeliveryFilter, *, at_once: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """Yield pages of the dead letters that match, newest first, *at_once* or twice that.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        cursor = _beginning("dead", wanted)
        while True:
            dead = replace(wanted, state=None)
            cursor, answers = await self._stretch("dead", cursor, dead, at_once)
            if answers:
                yield [decode_delivery(answer) for answer in answers]
            if not cursor:
                return

    async def message(self, org_id: str, event_id: str) -> Message | None:
        """Return a dead letter's message as it was rendered; None where none is kept.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        name = name_of(org_id, event_id)
        return decode_message(await self._log(self._prefix, self._retention_ms, "message", name))

    async def totals(self, *, org_id: str = "") -> Totals:
        """Return the counts of one organization, or of all.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        key = to_bytes(self._prefix) + (b"n:" + pack(org_id) if org_id else b"n")
        with store_errors():
            fields = await self._client.hgetall(key)
        counts = {to_bytes(name).decode(): int(by) for name, by in fields.items()}
        ends = {end: counts.pop(end, 0) for end in ("accepted", "sent", "skipped", "dead")}
        return Totals(**ends, reasons={name: by for name, by in counts.items() if by})

    async def organizations(self) -> AsyncIterator[str]:
        """Yield every organization that ever had an event, in no order.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        async for orgs in self._organizations():
            for org in filter(None, orgs):
                yield unpack(org)

    async def _find(self, names: Sequence[bytes]) -> Sequence[Delivery]:
        reply = await self._log(self._prefix, self._retention_ms, "find", *names)
        return [decode_delivery(answer) for answer in reply]

    async def _organizations(self) -> AsyncIterator[Sequence[bytes]]:
        yield [b""]
        cursor = 0
        while True:
            with store_errors():
                cursor, orgs = await self._client.sscan(
                    f"{self._prefix}orgs", cursor, count=_ORGS_AT_ONCE
                )
            yield [to_bytes(org) for org in orgs]
            if not cursor:
                return

    async def _newest(self, place: str, wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
        newest: list[Delivery] = []
        cursor = _beginning(place, wanted)
        while True:
            most = max(limit - len(newest), 1)
            cursor, answers = await self._stretch(place, cursor, wanted, most)
            newest.extend(map(decode_delivery, answers))
            if place == "open":
                old_enough = (one for one in newest if _is_old_enough(one, wanted))
                newest = nlargest(limit, old_enough, key=place_in_time)
            if not cursor or (place != "open" and len(newest) >= limit):
                return newest

    async def _stretch(
        self, place: str, cursor: bytes, wanted: DeliveryFilter, most: int
    ) -> tuple[bytes, Sequence[Sequence[bytes]]]:
        since = to_milliseconds(wanted.since) if wanted.since else 0
        cursor, answers = await self._log(
            self._prefix,
            self._retention_ms,
            place,
            cursor,
            pack(wanted.org_id),
            wanted.state or "",
            to_bytes(wanted.reason),
            since,
            most,
        )
        return cursor, answers


def _beginning(place: str, wanted: DeliveryFilter) -> bytes:
    """Return where to begin to read a place, newest first, so that what is too new is passed."""
    if wanted.until is None or place == "open":
        return b""
    behind = to_milliseconds(wanted.until) + 1
    return b"%d-0" % behind if place == "finished" else b"%d " % behind


def _is_old_enough(delivery: Delivery, wanted: DeliveryFilter) -> bool:
    return wanted.until is None or delivery.changed_at <= wanted.until
