"""Senders in memory: for tests and trials."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from dispatcher.ports import Clock
from dispatcher.sender import Sender, SenderChange, SenderWritten


class MemorySenderStore:
    """Keeps senders as long as the process lives.

    Args:
        clock: Tells when a sender is changed.
        senders: Where to keep them, by organization.
    """

    def __init__(self, clock: Clock, senders: MutableMapping[str, Sender] | None = None) -> None:
        self._clock = clock
        self._senders = {} if senders is None else senders
        self._sequences: dict[str, int] = {}

    async def load(self, org_id: str) -> Sender | None:
        """Return the organization's sender, or None."""
        return self._senders.get(org_id)

    async def put(self, org_id: str, change: SenderChange) -> SenderWritten:
        """Change the organization's sender; what is so already changes nothing."""
        old = self._senders.get(org_id) or Sender(org_id, sequence=self._sequences.get(org_id, 0))
        new = Sender(
            org_id,
            old.mail_from if change.mail_from is None else change.mail_from,
            old.reply_to if change.reply_to is None else change.reply_to,
            old.relays if change.relays is None else change.relays,
            old.sequence,
            old.changed_at,
        )
        if new == old:
            return SenderWritten(old, changed=False)
        new = replace(new, sequence=self._next(org_id), changed_at=self._clock.now())
        if new.mail_from or new.reply_to or new.relays:
            self._senders[org_id] = new
        else:
            del self._senders[org_id]
        return SenderWritten(new, changed=True)

    async def remove(self, org_id: str) -> Sender | None:
        """Reset the organization's sender; return what is left, its sequence, or None."""
        if self._senders.pop(org_id, None) is None:
            return None
        return Sender(org_id, sequence=self._next(org_id), changed_at=self._clock.now())

    async def organizations(self) -> Sequence[str]:
        """Return who has a sender, in order."""
        return sorted(self._senders)

    async def reseal(self, org_id: str) -> bool:
        """Return False: nothing is encrypted here."""
        del org_id
        return False

    def _next(self, org_id: str) -> int:
        self._sequences[org_id] = self._sequences.get(org_id, 0) + 1
        return self._sequences[org_id]
