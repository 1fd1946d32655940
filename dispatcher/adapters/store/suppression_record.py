"""How a suppression is written in the store: its columns, separated by tabs.

The key is ``<prefix>suppressed:<scope>:<fingerprint>``; ``lua/suppressions.lua`` tells the columns.
"""

from typing import Final

from dispatcher.adapters.store.codec import from_microseconds, plain, to_microseconds
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import StoreUnavailable
from dispatcher.suppression import Suppression, SuppressionReason

_COLUMNS: Final = 5


def key_of(prefix: bytes, scope: str, recipient: str) -> bytes:
    """Return the key of what is known of a recipient in a scope."""
    return b"%bsuppressed:%b:%b" % (prefix, to_bytes(scope), to_bytes(recipient))


def columns_of(suppression: Suppression) -> tuple[bytes, ...]:
    """Return the record's columns: reason, since, until, event id, detail."""
    until = suppression.until
    columns = (
        suppression.reason.value,
        str(to_microseconds(suppression.since)),
        str(to_microseconds(until)) if until else "0",
        plain(suppression.event_id),
        plain(suppression.detail),
    )
    return tuple(map(to_bytes, columns))


def decode(scope: str, recipient: str, text: bytes) -> Suppression:
    """Return the suppression that is written so.

    Raises:
        StoreUnavailable: The record is broken.
    """
    try:
        reason, since, until, event_id, detail = text.decode().split("\t", _COLUMNS - 1)
        return Suppression(
            scope,
            recipient,
            SuppressionReason(reason),
            from_microseconds(since.encode()),
            detail,
            event_id,
            from_microseconds(until.encode()) if until != "0" else None,
        )
    except ValueError as error:
        raise StoreUnavailable("a suppression in the store is broken") from error
