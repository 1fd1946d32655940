"""Connections in Valkey: written by ``lua/connections.lua``, their secrets encrypted by the vault.

A record is ``<prefix>connection:<name>``; ``<prefix>connections`` is the set of names.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store import connection_record
from dispatcher.adapters.store.connection import Script, store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.vault import Vault
from dispatcher.connection import Connection
from dispatcher.errors import ConnectionUnreadable, StoreUnavailable

_TRIES: Final = 10
"""How often a change is begun anew because another one came in between."""


class ValkeyConnectionStore:
    """Keeps connections; every call reads the store, so that a removal counts at once.

    Args:
        client: The store.
        vault: Encrypts what proves calls and opens directories.
        prefix: What the names of all keys begin with.
        readings: What else of the store is read with connections; by default nothing.
        on_unreadable: Is told of a connection whose secrets cannot be decrypted here.
    """

    def __init__(
        self,
        client: Redis,
        vault: Vault,
        *,
        prefix: str = "nd:",
        readings: Readings | None = None,
        on_unreadable: Callable[[str, ConnectionUnreadable], None] = lambda _name, _error: None,
    ) -> None:
        self._client = client
        self._vault = vault
        self._prefix = to_bytes(prefix)
        self._names = self._prefix + b"connections"
        self._readings = readings or Readings(client)
        self._on_unreadable = on_unreadable
        self._script = Script(client, "connections")
        self._decoded = lru_cache(maxsize=256)(self._decode)

    async def find(self, name: str) -> Connection | None:
        """Return the connection of that name, or None.

        Raises:
            ConnectionUnreadable: Its secrets cannot be decrypted here.
            StoreUnavailable: The store did not answer.
        """
        text = await self._read(name)
        try:
            return None if text is None else self._decoded(name, text)
        except ConnectionUnreadable as error:
            self._on_unreadable(name, error)
            raise

    async def names(self) -> Sequence[str]:
        """Return the names of all connections, in order.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            found = await self._client.smembers(self._names)
        return sorted(to_bytes(each).decode() for each in found)

    async def alter(
        self, name: str, change: Callable[[Connection | None], Connection]
    ) -> Connection:
        """Put what *change* makes of the connection, or of none, in its place; return that.

        Raises:
            ConfigError: There is no key to encrypt secrets with.
            ConnectionUnreadable: Its present secrets cannot be decrypted here.
            StoreUnavailable: The store did not answer; it may have written.
        """
        for _ in range(_TRIES):
            known = await self._read(name)
            old = None if known is None else self._decoded(name, known)
            new = change(old)
            if old is not None and new == old:
                return old
            if await self._replace(name, known, connection_record.encode(new, self._vault)):
                return new
        raise StoreUnavailable("the connection is being changed by others all the time")

    async def remove(self, name: str) -> bool:
        """Remove the connection, even an unreadable one; False where there is none.

        Raises:
            StoreUnavailable: The store did not answer; it may be removed.
        """
        with store_errors():
            async with self._client.pipeline(transaction=True) as steps:
                steps.delete(connection_record.key_of(self._prefix, name))
                steps.srem(self._names, name)
                removed, _ = await steps.execute()
        return bool(removed)

    async def reseal(self, name: str) -> bool:
        """Encrypt the connection's secrets with the newest key; False where they are already.

        Raises:
            ConfigError: There is no key.
            ConnectionUnreadable: They cannot be decrypted here.
            StoreUnavailable: The store did not answer; it may have written.
        """
        for _ in range(_TRIES):
            known = await self._read(name)
            if known is None or connection_record.is_newest(known, self._vault):
                return False
            kept = connection_record.encode(self._decoded(name, known), self._vault)
            if await self._replace(name, known, kept):
                return True
        raise StoreUnavailable("the connection is being changed by others all the time")

    async def _read(self, name: str) -> bytes | None:
        (text,) = await self._readings.ask(connection_record.key_of(self._prefix, name))
        return text

    def _decode(self, name: str, text: bytes) -> Connection:
        return connection_record.decode(name, text, self._vault)

    async def _replace(self, name: str, known: bytes | None, record: bytes) -> bool:
        return bool(await self._script(self._prefix, name, known or b"", record))
