"""Sessions of the console in Valkey: sealed bytes under the hash of what the browser holds."""

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.names import to_bytes


class ValkeySessions:
    """Keeps sessions; what is not used any more goes by itself.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._client = client
        self._prefix = to_bytes(prefix) + b"session:"

    async def read(self, name: str) -> bytes | None:
        """Return what is kept under a name; None where nothing is.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            kept = await self._client.get(self._prefix + to_bytes(name))
        return None if kept is None else to_bytes(kept)

    async def write(self, name: str, sealed: bytes, seconds: int) -> None:
        """Keep bytes under a name for some seconds.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            await self._client.set(self._prefix + to_bytes(name), sealed, ex=seconds)

    async def remove(self, name: str) -> None:
        """Keep nothing under a name any more.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            await self._client.delete(self._prefix + to_bytes(name))
