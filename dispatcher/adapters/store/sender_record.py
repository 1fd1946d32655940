"""How an organization's sender is written in the store, key ``<prefix>sender:<org>``.

Columns are separated by tabs: sequence, changed (microseconds), mail_from, reply_to, and the
relays, encrypted, or nothing. After a reset only the sequence is left: it never falls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dispatcher.adapters.store.codec import from_microseconds, plain
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import SecretUnreadable, SenderUnreadable, StoreUnavailable
from dispatcher.sender import Sender

Unseal = Callable[[str, bytes], str]
"""Returns what was encrypted for a context, as :meth:`Vault.unseal` does."""

_LAST_COLUMN: Final = 4


def key_of(prefix: bytes, org_id: str) -> bytes:
    """Return the key of an organization's sender."""
    return b"%bsender:%b" % (prefix, to_bytes(org_id))


def context(org_id: str) -> str:
    """Return what an organization's relays are bound to: they open for nobody else's record."""
    return f"sender relays {org_id}"


@dataclass(frozen=True, slots=True)
class Columns:
    """A record's columns as they are kept; all empty but the sequence after a reset."""

    sequence: int = 0
    changed: bytes = b""
    mail_from: str = ""
    reply_to: str = ""
    sealed: bytes = b""

    @property
    def is_set(self) -> bool:
        """Tell whether the sender has any field."""
        return bool(self.mail_from or self.reply_to or self.sealed)

    def encoded(self) -> bytes:
        """Return the columns that a caller sets, or nothing where none is."""
        if not self.is_set:
            return b""
        texts = to_bytes(f"{plain(self.mail_from)}\t{plain(self.reply_to)}\t")
        return texts + self.sealed

    def sender(self, org_id: str, unseal: Unseal) -> Sender:
        """Return the sender of these columns.

        Raises:
            SenderUnreadable: The relays cannot be decrypted here.
        """
        try:
            relays = unseal(context(org_id), self.sealed) if self.sealed else ""
        except SecretUnreadable as error:
            raise SenderUnreadable(str(error)) from error
        changed_at = from_microseconds(self.changed) if self.changed else None
        return Sender(org_id, self.mail_from, self.reply_to, relays, self.sequence, changed_at)


def parse(text: bytes | None) -> Columns:
    """Return a record's columns.

    Raises:
        StoreUnavailable: The record is broken.
    """
    if text is None:
        return Columns()
    try:
        if text.isdigit():
            return Columns(int(text))
        sequence, changed, mail_from, reply_to, sealed = text.split(b"\t", _LAST_COLUMN)
        from_microseconds(changed)
        return Columns(int(sequence), changed, mail_from.decode(), reply_to.decode(), sealed)
    except ValueError as error:
        raise StoreUnavailable("a sender in the store is broken") from error


def decode(org_id: str, text: bytes, unseal: Unseal) -> Sender | None:
    """Return the sender that is written so, or None where it was reset.

    Raises:
        SenderUnreadable: The relays cannot be decrypted here.
        StoreUnavailable: The record is broken.
    """
    columns = parse(text)
    return columns.sender(org_id, unseal) if columns.is_set else None
