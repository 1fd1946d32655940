"""Tokens of the API: made, shown once, recognized, listed and revoked.

A token is ``ndt_<id>_<secret><checksum>`` in base 62: a prefix that secret scanners find, an id of
71 bits that may be seen, a secret of 256 bits, and CRC-32 of all before it, which tells a typing
error or a scanner's false find without asking the store. Only its SHA-256 is kept: 256 random bits
need no slow hash.
"""

import asyncio
import re
import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from zlib import crc32

from dispatcher.access import Caller, Role, Token, TokenStore, invalid_token
from dispatcher.errors import InvalidGrant, StoreUnavailable, TokenNotFound
from dispatcher.ports import Clock

PREFIX: Final = "ndt_"

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 12
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_BITS: Final = 256
_FORM: Final = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}}"
)
_ORG_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_NAME: Final = 100
_NOBODY: Final = sha256(secrets.token_bytes()).digest()
"""What an unknown id's token is compared with: to find out which ids exist takes as long."""

_BETWEEN_NOTES: Final = timedelta(minutes=1)
_MOST_NOTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, and the only look at its text.

    Args:
        token: What is kept of it.
        text: What its owner presents.
    """

    token: Token
    text: str = field(repr=False)


class Tokens:
    """Makes, recognizes, lists and revokes tokens.

    Every use reads the store: a revocation counts from the next call on.

    Args:
        store: Keeps them.
        clock: Tells when they expire.
    """

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._noted: dict[str, datetime] = {}
        self._uses: dict[str, datetime] = {}
        self._noting: asyncio.Task[None] | None = None

    async def issue(
        self,
        *,
        org_id: str = "",
        roles: Collection[Role],
        name: str = "",
        lifetime: timedelta | None = None,
    ) -> Issued:
        """Make a token.

        Args:
            org_id: The organization it is for; may be left out for ``IAM_`` roles only.
            roles: What it permits, one at least.
            name: What people call it, up to 100 printable characters.
            lifetime: How long it is worth something; None for until it is revoked.

        Raises:
            InvalidGrant: This makes no sense.
            StoreUnavailable: The store did not answer.
        """
        _check_grant(org_id, roles, name)
        now = self._clock.now()
        try:
            expires_at = None if lifetime is None else now + lifetime
        except OverflowError:
            raise InvalidGrant("a token cannot live that long") from None
        if expires_at is not None and expires_at <= now:
            raise InvalidGrant("a token has to live for a while")
        token_id, text = _new_text()
        token = Token(token_id, org_id, frozenset(roles), name, now, expires_at, digest=_hash(text))
        await self._store.add(token)
        return Issued(token, text)

    async def authenticate(self, text: str) -> Caller:
        """Return who presents a token.

        Raises:
            Unauthenticated: It is unknown, wrong, expired or revoked: which, nobody learns.
            StoreUnavailable: The store did not answer.
        """
        token_id = _id_in(text)
        token = await self._store.find(token_id) if token_id else None
        is_same = compare_digest(_hash(text), token.digest if token else _NOBODY)
        now = self._clock.now()
        if token is None or not is_same or not token.is_valid(now):
            raise invalid_token()
        self._note_use(token.id, now)
        return Caller(f"token:{token.id}", token.org_id, token.roles)

    async def resume(self, token_id: str) -> Caller:
        """Return whose token that is, for whoever presented it before and shall not hold it on.

        Raises:
            Unauthenticated: It is revoked or expired by now, or forgotten.
            StoreUnavailable: The store did not answer.
        """
        token, now = await self._store.find(token_id), self._clock.now()
        if token is None or not token.is_valid(now):
            raise invalid_token()
        self._note_use(token.id, now)
        return Caller(f"token:{token.id}", token.org_id, token.roles)

    async def revoke(self, token_id: str) -> Token:
        """Revoke a token; return it as it is then.

        Raises:
            TokenNotFound: There is none.
            StoreUnavailable: The store did not answer; it may be revoked.
        """
        revoked = await self._store.revoke(token_id, self._clock.now())
        if revoked is None:
            raise TokenNotFound("There is no such token.")
        return revoked

    async def list(self, org_id: str | None = None) -> Sequence[Token]:
        """Return the tokens, oldest first: all, or one organization's.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        tokens = await self._store.list()
        return tokens if org_id is None else [one for one in tokens if one.org_id == org_id]

    async def close(self) -> None:
        """Wait until the last uses are noted."""
        while self._noting is not None:
            await self._noting

    def _note_use(self, token_id: str, now: datetime) -> None:
        noted = self._noted.get(token_id)
        if noted is not None and now - noted < _BETWEEN_NOTES:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[token_id] = self._uses[token_id] = now
        if self._noting is None:
            self._noting = asyncio.get_running_loop().create_task(self._write_uses())

    async def _write_uses(self) -> None:
        """Write what was used meanwhile: nobody waits for it, and a loss is made up next time."""
        try:
            while self._uses:
                uses, self._uses = self._uses, {}
                with suppress(StoreUnavailable):
                    await self._store.touch(uses)
        finally:
            self._noting = None


def _check_grant(org_id: str, roles: Collection[Role], name: str) -> None:
    if not roles:
        raise InvalidGrant("a token needs a role, such as ORG_OWNER")
    if org_id and not _ORG_ID.fullmatch(org_id):
        raise InvalidGrant("the organization's id: expected 1-64 characters of A-Za-z0-9._-")
    bound = sorted(role for role in roles if not role.is_instance_wide)
    if bound and not org_id:
        raise InvalidGrant(f"{bound[0]} needs an organization: it counts for one only")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidGrant(f"the name: expected up to {_LONGEST_NAME} printable characters")


def _new_text() -> tuple[str, str]:
    token_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    body = f"{PREFIX}{token_id}_{_base62(secrets.randbits(_BITS), _SECRET_LENGTH)}"
    return token_id, body + _checksum(body)


def _id_in(text: str) -> str | None:
    """Return the id in a token's text, or None where it is no token's."""
    found = _FORM.fullmatch(text)
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return found[1] if found and checksum == _checksum(body) else None


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _hash(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
