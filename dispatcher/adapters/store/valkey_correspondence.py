"""Correspondence in Valkey: an organization's sender and a recipient's suppressions, one reading.

It travels with the policies that are read in the same tick.
"""

from collections.abc import Callable
from typing import Final

from dispatcher.adapters.store import sender_record, suppression_record
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.sender_record import Unseal
from dispatcher.errors import SenderUnreadable
from dispatcher.ports import Terms
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
        self._everywhere = suppression_record.key_of(self._prefix, EVERYWHERE, "")
        self._unseal = unseal
        self._on_unreadable = on_unreadable

    async def terms(self, org_id: str, recipient: str) -> Terms:
        """Return what counts for mails of the organization to that recipient.

        Raises:
            StoreUnavailable: The store did not answer.
            SenderUnreadable: The sender's secrets cannot be decrypted here.
        """
        sender, everywhere, here = await self._readings.ask(
            self._sender + to_bytes(org_id),
            self._everywhere + to_bytes(recipient),
            suppression_record.key_of(self._prefix, org_id, recipient),
        )
        suppression = _suppression(org_id, recipient, everywhere, here)
        if sender is None:
            return _USUAL if suppression is None else Terms(suppression=suppression)
        try:
            return Terms(sender_record.decode(org_id, sender, self._unseal), suppression)
        except SenderUnreadable as error:
            self._on_unreadable(org_id, error)
            raise


def _suppression(
    org_id: str, recipient: str, everywhere: bytes | None, here: bytes | None
) -> Suppression | None:
    if everywhere is not None:
        return suppression_record.decode(EVERYWHERE, recipient, everywhere)
    return None if here is None else suppression_record.decode(org_id, recipient, here)
