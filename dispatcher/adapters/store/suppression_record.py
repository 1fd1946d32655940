"""How a suppression is written in the store: its columns, separated by tabs.

The key is ``<prefix>suppressed:<scope>:<fingerprint>``.
"""

from typing import Final

from dispatcher.adapters.store.codec import from_microseconds, plain, to_microseconds
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import StoreUnavailable
from dispatcher.suppression import Suppression, SuppressionReason

_COLUMNS: Final = 4


def key_of(prefix: bytes, scope: str, recipient: str) -> bytes:
    """Return the key of what is known of a recipient in a scope."""
    return b"%bsuppressed:%b:%b" % (prefix, to_bytes(scope), to_bytes(recipient))


def encode(suppression: Suppression) -> bytes:
    """Return the record: reason, since (microseconds), event id, detail."""
    columns = (
        suppression.reason.value,
        str(to_microseconds(suppression.since)),
        plain(suppression.event_id),
        plain(suppression.detail),
    )
    return to_bytes("\t".join(columns))


def decode(scope: str, recipient: str, text: bytes) -> Suppression:
    """Return the suppression that is written so.

    Raises:
        StoreUnavailable: The record is broken.
    """
    try:
        reason, since, event_id, detail = text.decode().split("\t", _COLUMNS - 1)
        return Suppression(
            scope,
            recipient,
            SuppressionReason(reason),
            from_microseconds(since.encode()),
            detail,
            event_id,
        )
    except ValueError as error:
        raise StoreUnavailable("a suppression in the store is broken") from error
