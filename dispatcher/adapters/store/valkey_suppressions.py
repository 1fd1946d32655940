"""Suppressions in Valkey, written by ``lua/suppressions.lua``.

The walk reads them together with the sender, see ``valkey_correspondence.py``.
"""

from typing import Any

from redis.asyncio import Redis

from dispatcher.adapters.store import suppression_record
from dispatcher.adapters.store.connection import Script, store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import StoreUnavailable
from dispatcher.suppression import Kept, Page, Suppression, SuppressionReason


class ValkeySuppressionStore:
    """Keeps addresses that get no mail.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._client = client
        self._prefix = to_bytes(prefix)
        self._script = Script(client, "suppressions")

    async def add(self, suppression: Suppression) -> Kept:
        """Suppress an address.

        Raises:
            StoreUnavailable: The store did not answer; it may have written.
        """
        scope, recipient = suppression.scope, suppression.recipient
        columns = suppression_record.columns_of(suppression)
        now, before = await self._do("add", scope, recipient, *columns)
        return Kept(
            suppression_record.decode(scope, recipient, now),
            suppression_record.decode(scope, recipient, before) if before else None,
        )

    async def remove(
        self, scope: str, recipient: str, *, reason: SuppressionReason | None = None
    ) -> Suppression | None:
        """Remove and return a suppression, only if it has that reason; None where there is none.

        Raises:
            StoreUnavailable: The store did not answer; it may have removed it.
        """
        removed = await self._do("remove", scope, recipient, reason or "")
        return suppression_record.decode(scope, recipient, removed) if removed else None

    async def find(self, scope: str, recipient: str) -> Suppression | None:
        """Return what is kept of an address in exactly this scope.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            text = await self._client.get(suppression_record.key_of(self._prefix, scope, recipient))
        return suppression_record.decode(scope, recipient, to_bytes(text)) if text else None

    async def page(self, scope: str = "", *, behind: str = "", limit: int = 100) -> Page:
        """Return suppressions of one scope or of all, newest first, from behind a page on.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        reply = await self._do("page", scope, behind, limit)
        members, texts = reply[::2], reply[1::2]
        found = tuple(map(_decoded, members, texts))
        return Page(found, members[-1].decode() if len(members) == limit else "")

    async def count(self, scope: str = "") -> int:
        """Return how many there are in one scope, or in all.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return int(await self._do("count", scope))

    async def _do(self, operation: str, *arguments: str | bytes | int) -> Any:  # noqa: ANN401 - any reply
        sent = [each if isinstance(each, int) else to_bytes(each) for each in arguments]
        return await self._script(self._prefix, operation, *sent)


def _decoded(member: bytes, text: bytes | None) -> Suppression:
    _, scope, recipient = member.decode().split(":")
    if text is None:
        raise StoreUnavailable("a suppression in the store's index is missing")
    return suppression_record.decode(scope, recipient, text)
