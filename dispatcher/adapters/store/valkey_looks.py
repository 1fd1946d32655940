"""Looks in Valkey: written by ``lua/looks.lua``, and kept by each process until they change."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store import look_record
from dispatcher.adapters.store.codec import from_microseconds
from dispatcher.adapters.store.connection import Script, store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.errors import StoreUnavailable
from dispatcher.look import Alter, Look, LookWritten

_TRIES: Final = 10
"""How often a change is begun anew because another one came in between."""

_ROOM: Final = 8 * 1024 * 1024
"""Bytes of content of which a process keeps the looks: some hundred with a logo each."""


class ValkeyLookStore:
    """Keeps organizations' looks.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._client = client
        self._prefix = to_bytes(prefix)
        self._script = Script(client, "looks")

    async def load(self, org_id: str) -> Look | None:
        """Return the organization's look, or None.

        Raises:
            StoreUnavailable: The store did not answer, or what it keeps is broken.
        """
        mark, look = await self._read(org_id)
        return look if mark and look.is_set else None

    async def put(self, org_id: str, alter: Alter) -> LookWritten:
        """Replace the look by what *alter* makes of it; what is so already changes nothing.

        Raises:
            StoreUnavailable: The store did not answer; it may have written.
        """
        for _ in range(_TRIES):
            mark, old = await self._read(org_id)
            new = alter(old)
            if new == old:
                return LookWritten(old, changed=False)
            new = replace(new, sequence=old.sequence + 1)
            written = await self._script(
                self._prefix, org_id, mark or b"", new.sequence, look_record.encode(new)
            )
            if written is not None:
                changed_at = from_microseconds(bytes(written[1]))
                return LookWritten(replace(new, changed_at=changed_at), changed=True)
        raise StoreUnavailable("the look is being changed by others all the time")

    async def organizations(self) -> Sequence[str]:
        """Return who has a look, in order.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            found = [each async for each in self._client.sscan_iter(self._prefix + b"looks")]
        return sorted({each.decode() for each in found})

    async def _read(self, org_id: str) -> tuple[bytes | None, Look]:
        with store_errors():
            texts = await self._client.mget(look_record.keys_of(self._prefix, org_id))
        mark, content = (None if text is None else to_bytes(text) for text in texts)
        if mark is None or content is None:
            return mark, Look(org_id, sequence=look_record.sequence_of(mark))
        return mark, look_record.decode(org_id, mark, content)


class KnownLooks:
    """The looks that a process has met, each until it changes.

    Args:
        readings: The way to the store.
        prefix: What the names of all keys begin with.
        room: Bytes of content to keep at most; the least recently used makes way.
    """

    def __init__(self, readings: Readings, *, prefix: bytes, room: int = _ROOM) -> None:
        self._readings = readings
        self._prefix = prefix
        self._room = room
        self._kept: OrderedDict[str, tuple[bytes, Look, int]] = OrderedDict()
        self._used = 0

    async def of(self, org_id: str, mark: bytes) -> Look | None:
        """Return the look with that mark, or the one that has replaced it since.

        Raises:
            StoreUnavailable: The store did not answer, or what it keeps is broken.
        """
        known = self._known(org_id, mark)
        if known is not None:
            return known
        keys = look_record.keys_of(self._prefix, org_id)
        mark_now, content = await self._readings.ask(*keys)
        if mark_now is None or content is None:
            return None  # it was reset meanwhile
        # Of those who waited for the same content, the first has read it.
        return self._known(org_id, mark_now) or self._keep(org_id, mark_now, content)

    def _known(self, org_id: str, mark: bytes) -> Look | None:
        found = self._kept.get(org_id)
        if found is None or found[0] != mark:
            return None
        self._kept.move_to_end(org_id)
        return found[1]

    def _keep(self, org_id: str, mark: bytes, content: bytes) -> Look:
        look = look_record.decode(org_id, mark, content)
        self._forget(org_id)
        self._kept[org_id] = mark, look, len(content)
        self._used += len(content)
        while self._used > self._room and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return look

    def _forget(self, org_id: str) -> None:
        _, _, size = self._kept.pop(org_id, (b"", None, 0))
        self._used -= size
