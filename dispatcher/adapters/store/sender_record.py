"""How an organization's sender is written in the store, key ``<prefix>sender:<org>``.

Columns are separated by tabs: sequence, changed (microseconds), mail_from, reply_to, and the
relays, encrypted, or nothing. After a reset only the sequence is left: it never falls.
"""

from collections.abc import Callable
from typing import Final

from dispatcher.adapters.store.codec import from_microseconds, plain, to_microseconds
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import StoreUnavailable
from dispatcher.sender import Sender

Unseal = Callable[[str, bytes], str]
"""Returns what was encrypted for a context, see :meth:`Vault.unseal`."""

_LAST_COLUMN: Final = 4


def key_of(prefix: bytes, org_id: str) -> bytes:
    """Return the key of an organization's sender."""
    return b"%bsender:%b" % (prefix, to_bytes(org_id))


def context(org_id: str) -> str:
    """Return what an organization's relays are bound to: they open for nobody else's record."""
    return f"sender relays {org_id}"


def encode(sender: Sender, sealed: bytes) -> bytes:
    """Return the record; *sealed* are the relays, encrypted, or nothing."""
    changed = to_microseconds(sender.changed_at) if sender.changed_at else 0
    columns = str(sender.sequence), str(changed), plain(sender.mail_from), plain(sender.reply_to)
    return b"%b\t%b" % (to_bytes("\t".join(columns)), sealed)


def decode(org_id: str, text: bytes, unseal: Unseal) -> Sender | None:
    """Return the sender that is written so, or None where it was reset.

    Raises:
        SenderUnreadable: The relays cannot be decrypted here.
        StoreUnavailable: The record is broken.
    """
    if text.isdigit():
        return None
    try:
        sequence, changed, mail_from, reply_to, sealed = text.split(b"\t", _LAST_COLUMN)
        fields = mail_from.decode(), reply_to.decode()
        number, changed_at = int(sequence), from_microseconds(changed)
    except ValueError as error:
        raise StoreUnavailable("a sender in the store is broken") from error
    relays = unseal(context(org_id), sealed) if sealed else ""
    return Sender(org_id, *fields, relays, number, changed_at)


def sequence_of(text: bytes | None) -> int:
    """Return how many changes a record has seen, a reset one too; 0 where there is none."""
    return int(text.split(b"\t", 1)[0]) if text else 0
