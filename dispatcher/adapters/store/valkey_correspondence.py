"""Correspondence in Valkey: an organization's sender and look, a recipient's suppressions.

All are one reading; a look's content is read once more when it has changed.
It travels with the policies that are read in the same tick.
"""

from collections.abc import Callable
from typing import Final

from dispatcher.adapters.store import look_record, sender_record, suppression_record
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.sender_record import Unseal
from dispatcher.adapters.store.valkey_looks import KnownLooks
from dispatcher.errors import SenderUnreadable
from dispatcher.look import Look
from dispatcher.ports import Terms
from dispatcher.sender import Sender
from dispatcher.suppression import EVERYWHERE, Suppression

_USUAL: Final = Terms()


class ValkeyCorrespondence:
    """Reads on what terms mails leave; nothing is cached, so a change counts from the next event.

    Args:
        readings: The way to the store.
        prefix: What the names of all keys begin with.
        unseal: Opens what is encrypted at rest.
        on_unreadable: Is told of an organization whose secrets cannot be decrypted here.
    """

    def __init__(
        self,
        readings: Readings,
        unseal: Unseal,
        *,
        prefix: str = "nd:",
        on_unreadable: Callable[[str, SenderUnreadable], None] = lambda _org_id, _error: None,
    ) -> None:
        self._readings = readings
        self._prefix = to_bytes(prefix)
        self._sender = sender_record.key_of(self._prefix, "")
        self._look = look_record.mark_key(self._prefix, "")
        self._looks = KnownLooks(readings, prefix=self._prefix)
        self._everywhere = suppression_record.key_of(self._prefix, EVERYWHERE, "")
        self._unseal = unseal
        self._on_unreadable = on_unreadable

    async def terms(self, org_id: str, recipient: str) -> Terms:
        """Return what counts for mails of the organization to that recipient.

        Raises:
            StoreUnavailable: The store did not answer, or what it keeps is broken.
            SenderUnreadable: The sender's secrets cannot be decrypted here.
        """
        org = to_bytes(org_id)
        sender, mark, everywhere, here = await self._readings.ask(
            self._sender + org,
            self._look + org,
            self._everywhere + to_bytes(recipient),
            suppression_record.key_of(self._prefix, org_id, recipient),
        )
        suppression = _suppression(org_id, recipient, everywhere, here)
        if sender is None and mark is None:
            return _USUAL if suppression is None else Terms(suppression=suppression)
        return Terms(
            None if sender is None else self._opened(org_id, sender),
            suppression,
            None if mark is None else await self._look_of(org_id, mark),
        )

    async def _look_of(self, org_id: str, mark: bytes) -> Look | None:
        return None if look_record.is_reset(mark) else await self._looks.of(org_id, mark)

    def _opened(self, org_id: str, sender: bytes) -> Sender | None:
        try:
            return sender_record.decode(org_id, sender, self._unseal)
        except SenderUnreadable as error:
            self._on_unreadable(org_id, error)
            raise


def _suppression(
    org_id: str, recipient: str, everywhere: bytes | None, here: bytes | None
) -> Suppression | None:
    if everywhere is not None:
        return suppression_record.decode(EVERYWHERE, recipient, everywhere)
    return None if here is None else suppression_record.decode(org_id, recipient, here)
