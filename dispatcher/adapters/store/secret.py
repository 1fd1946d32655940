"""The installation's secret, made once and kept in the store."""

from secrets import token_bytes
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import store_errors

_SIZE: Final = 32


async def installation_secret(client: Redis, prefix: str = "nd:") -> bytes:
    """Return the installation's secret of 32 random bytes, the same for everyone who asks.

    Used where the settings give none; whoever can read the store can read it.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.

    Raises:
        StoreUnavailable: The store did not answer.
    """
    ours = token_bytes(_SIZE)
    with store_errors():
        theirs = await client.set(f"{prefix}secret", ours, nx=True, get=True)
    return theirs if isinstance(theirs, bytes) else ours
