"""Organizations' senders: one service behind the task and the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatcher.errors import InvalidSender, SenderNotFound, SenderUnreadable
from dispatcher.ports import SenderStore
from dispatcher.sender import Sender, SenderChange, SenderWritten


@dataclass(frozen=True, slots=True)
class Senders:
    """The senders of all organizations that have one.

    Args:
        store: Keeps them.
        check: Raises InvalidSender for a change that cannot be used.
    """

    store: SenderStore
    check: Callable[[SenderChange], None]

    async def get(self, org_id: str) -> Sender:
        """Return the organization's own sender.

        Raises:
            SenderNotFound: It has none: its mails leave as the instance's.
            SenderUnreadable: Its relays cannot be decrypted here.
        """
        sender = await self.store.load(org_id)
        if sender is None:
            raise SenderNotFound("the organization has no sender of its own")
        return sender

    async def update(self, org_id: str, change: SenderChange) -> SenderWritten:
        """Change the organization's sender, giving it one where it has none.

        Setting what is already so succeeds and changes nothing, because a queue may
        deliver an update twice.

        Raises:
            InvalidSender: The change cannot be used, the text names every mistake; or the
                present relays were to stay, and cannot be decrypted here.
            ConfigError: There is no key to encrypt relays with.
        """
        self.check(change)
        try:
            return await self.store.put(org_id, change)
        except SenderUnreadable as error:
            raise InvalidSender(f"set relays, too, or reset them: {error}") from error

    async def reset(self, org_id: str) -> Sender:
        """Remove the organization's own sender; return what is left of it, its sequence.

        Raises:
            SenderNotFound: It has none.
        """
        left = await self.store.remove(org_id)
        if left is None:
            raise SenderNotFound("the organization has no sender of its own")
        return left

    async def organizations(self) -> Sequence[str]:
        """Return who has a sender, in order."""
        return await self.store.organizations()

    async def rotate(self) -> int:
        """Encrypt everything with the newest key; return how many organizations' relays were not.

        Raises:
            ConfigError: There is no key.
            SenderUnreadable: Some cannot be decrypted here; it names the organization.
        """
        resealed = 0
        for org_id in await self.store.organizations():
            resealed += await self.store.reseal(org_id)
        return resealed
