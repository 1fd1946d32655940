"""Turns in Valkey: ``<prefix>turn:<name>`` holds who has it, and ends by itself."""

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import Script


class ValkeyTurns:
    """Lets one process at a time do what only one may.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._prefix = prefix
        self._script = Script(client, "turns")

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take or keep the turn for some seconds; False while another one has it.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return bool(await self._script(self._key(name), holder, int(seconds * 1000)))

    async def give_up(self, name: str, holder: str) -> None:
        """Let another one take it.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        await self._script(self._key(name), holder, 0)

    def _key(self, name: str) -> str:
        return f"{self._prefix}turn:{name}"
