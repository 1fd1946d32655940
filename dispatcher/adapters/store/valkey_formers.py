"""Former mailboxes in Valkey, key ``<prefix>former:<account>``: sealed where there is a key.

Without one they are kept as open deliveries' addresses are; either way they expire.
"""

from collections.abc import Sequence
from hashlib import blake2b

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.vault import Vault
from dispatcher.errors import SecretUnreadable
from dispatcher.ports import Account


class ValkeyFormerAddressStore:
    """Keeps the addresses that accounts had until lately.

    Args:
        client: The store.
        readings: Reads texts, many in one call.
        vault: Encrypts addresses.
        prefix: What the names of all keys begin with.
    """

    def __init__(
        self, client: Redis, readings: Readings, vault: Vault, *, prefix: str = "nd:"
    ) -> None:
        self._client = client
        self._readings = readings
        self._vault = vault
        self._prefix = to_bytes(prefix)

    async def remember(self, account: Account, address: str, age: float) -> None:
        """Keep the address that an account had, for so many seconds.

        Raises:
            StoreUnavailable: The store did not answer; it may be kept.
        """
        key, plain = self._key(account), b"." + address.encode()
        kept = self._vault.seal(_context(key), address) if self._vault.newest else plain
        with store_errors():
            await self._client.set(key, kept, px=round(age * 1000))

    async def recall(self, accounts: Sequence[Account]) -> Sequence[str | None]:
        """Return the address that each account had until lately, or None.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        keys = [self._key(account) for account in accounts]
        texts = await self._readings.ask(*keys)
        return [self._read(key, text) for key, text in zip(keys, texts, strict=True)]

    def _read(self, key: bytes, text: bytes | None) -> str | None:
        if not text:
            return None
        if text.startswith(b"."):
            return text[1:].decode()
        try:
            return self._vault.unseal(_context(key), text)
        except SecretUnreadable:
            return None  # its key was taken away; the account's own mailbox is told all the same

    def _key(self, account: Account) -> bytes:
        text = "\0".join(account).encode(errors="replace")
        digest = blake2b(text, digest_size=16, person=b"former")
        return b"%bformer:%b" % (self._prefix, digest.hexdigest().encode())


def _context(key: bytes) -> str:
    return key.decode()
