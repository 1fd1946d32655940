"""Senders in Valkey: written by ``lua/senders.lua``, their relays encrypted by the vault."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store import sender_record
from dispatcher.adapters.store.connection import Script, store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.sender_record import Columns
from dispatcher.adapters.store.vault import Vault
from dispatcher.errors import SenderUnreadable, StoreUnavailable
from dispatcher.sender import Sender, SenderChange, SenderWritten

_TRIES: Final = 10
"""How often a change is begun anew because another one came in between."""


class ValkeySenderStore:
    """Keeps organizations' senders.

    Args:
        client: The store.
        vault: Encrypts relays, which hold credentials.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, vault: Vault, *, prefix: str = "nd:") -> None:
        self._client = client
        self._vault = vault
        self._prefix = to_bytes(prefix)
        self._script = Script(client, "senders")

    async def load(self, org_id: str) -> Sender | None:
        """Return the organization's sender, or None.

        Raises:
            SenderUnreadable: Its relays cannot be decrypted here.
            StoreUnavailable: The store did not answer.
        """
        columns = sender_record.parse(await self._read(org_id))
        return columns.sender(org_id, self._vault.unseal) if columns.is_set else None

    async def put(self, org_id: str, change: SenderChange) -> SenderWritten:
        """Change the organization's sender; what is so already changes nothing.

        Raises:
            ConfigError: There is no key to encrypt relays with.
            SenderUnreadable: Its present relays cannot be decrypted here, and stay.
            StoreUnavailable: The store did not answer; it may have written.
        """

        def alter(old: Columns) -> Columns:
            if change.relays is None:
                old.sender(org_id, self._vault.unseal)  # raises where they cannot be read
            new = self._changed(org_id, old, change)
            return old if new == old else replace(new, sequence=old.sequence + 1, changed=b"")

        columns, changed = await self._alter(org_id, alter)
        return SenderWritten(columns.sender(org_id, self._vault.unseal), changed=changed)

    async def remove(self, org_id: str) -> Sender | None:
        """Reset the organization's sender; return what is left, its sequence, or None."""

        def alter(old: Columns) -> Columns:
            return Columns(old.sequence + 1) if old.is_set else old

        columns, changed = await self._alter(org_id, alter)
        return columns.sender(org_id, self._vault.unseal) if changed else None

    async def organizations(self) -> Sequence[str]:
        """Return who has a sender, in order.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            found = [each async for each in self._client.sscan_iter(self._prefix + b"senders")]
        return sorted({each.decode() for each in found})

    async def reseal(self, org_id: str) -> bool:
        """Encrypt the organization's relays with the newest key; False where they are already.

        Raises:
            ConfigError: There is no key.
            SenderUnreadable: They cannot be decrypted here.
            StoreUnavailable: The store did not answer; it may have written.
        """

        def alter(old: Columns) -> Columns:
            if not old.sealed or self._vault.is_newest(old.sealed):
                return old
            relays = old.sender(org_id, self._vault.unseal).relays
            return replace(old, sealed=self._vault.seal(sender_record.context(org_id), relays))

        _, changed = await self._alter(org_id, alter)
        return changed

    async def _alter(
        self, org_id: str, alter: Callable[[Columns], Columns]
    ) -> tuple[Columns, bool]:
        """Replace the record by what *alter* makes of it; return it, and whether it is another."""
        for _ in range(_TRIES):
            known = await self._read(org_id)
            old = sender_record.parse(known)
            new = alter(old)
            if new == old:
                return old, False
            changed = await self._replace(org_id, known, new)
            if changed is not None:
                return replace(new, changed=changed), True
        raise StoreUnavailable("the sender is being changed by others all the time")

    def _changed(self, org_id: str, old: Columns, change: SenderChange) -> Columns:
        new = old
        if change.mail_from is not None:
            new = replace(new, mail_from=change.mail_from)
        if change.reply_to is not None:
            new = replace(new, reply_to=change.reply_to)
        if change.relays is None:
            return new
        if not change.relays:
            return replace(new, sealed=b"")
        if change.relays == self._relays(org_id, old):
            return new
        return replace(new, sealed=self._vault.seal(sender_record.context(org_id), change.relays))

    def _relays(self, org_id: str, columns: Columns) -> str | None:
        try:
            return columns.sender(org_id, self._vault.unseal).relays
        except SenderUnreadable:
            return None  # new ones mend it

    async def _read(self, org_id: str) -> bytes | None:
        with store_errors():
            text = await self._client.get(sender_record.key_of(self._prefix, org_id))
        return None if text is None else to_bytes(text)

    async def _replace(self, org_id: str, known: bytes | None, new: Columns) -> bytes | None:
        """Return the time of the change, or None where the record is another by now."""
        reply = await self._script(
            self._prefix, org_id, known or b"", new.sequence, new.changed, new.encoded()
        )
        return None if reply is None else bytes(reply[1])
