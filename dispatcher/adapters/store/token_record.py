"""How a token is written in the store, key ``<prefix>token:<id>``.

Columns are separated by tabs: digest (hexadecimal), organization, roles (separated by commas),
created, expires and revoked (microseconds, or nothing), name. Of the token itself there is nothing.
"""

from datetime import datetime
from typing import Final

from dispatcher.access import Role, Token
from dispatcher.adapters.store.codec import from_microseconds, plain, to_microseconds
from dispatcher.adapters.store.names import to_bytes
from dispatcher.errors import StoreUnavailable

_LAST_COLUMN: Final = 6
_ROLES: Final = {role.value: role for role in Role}


def key_of(prefix: bytes, token_id: str) -> bytes:
    """Return the key of a token."""
    return b"%btoken:%b" % (prefix, to_bytes(token_id))


def encode(token: Token) -> bytes:
    """Return a token as it is written."""
    columns = (
        token.digest.hex(),
        token.org_id,
        ",".join(sorted(token.roles)),
        _encode_time(token.created_at),
        _encode_time(token.expires_at),
        _encode_time(token.revoked_at),
        plain(token.name),
    )
    return to_bytes("\t".join(columns))


def decode(token_id: str, text: bytes) -> Token:
    """Return the token that is written so.

    A role that this version does not know permits nothing: a newer one wrote it.

    Raises:
        StoreUnavailable: The record is broken.
    """
    try:
        digest, org_id, roles, *times, name = text.decode().split("\t", _LAST_COLUMN)
        created, expires, revoked = times
        known = frozenset(_ROLES[role] for role in roles.split(",") if role in _ROLES)
        return Token(
            token_id,
            org_id,
            known,
            name,
            from_microseconds(created.encode()),
            _decode_time(expires),
            _decode_time(revoked),
            digest=bytes.fromhex(digest),
        )
    except ValueError as error:
        raise StoreUnavailable("a token in the store is broken") from error


def _encode_time(time: datetime | None) -> str:
    return "" if time is None else str(to_microseconds(time))


def _decode_time(text: str) -> datetime | None:
    return from_microseconds(text.encode()) if text else None
