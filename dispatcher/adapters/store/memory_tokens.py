"""Tokens in memory: for tests and trials."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dispatcher.access import Token


class MemoryTokenStore:
    """Keeps tokens as long as the process lives."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._uses: dict[str, datetime] = {}

    async def find(self, token_id: str) -> Token | None:
        """Return a token as it is now, but without its last use; None where there is none."""
        return self._tokens.get(token_id)

    async def add(self, token: Token) -> None:
        """Keep a new token."""
        self._tokens[token.id] = token

    async def revoke(self, token_id: str, at: datetime) -> Token | None:
        """Revoke a token; return it, or None where there is none. The first revocation counts."""
        token = self._tokens.get(token_id)
        if token is not None and token.revoked_at is None:
            token = self._tokens[token_id] = replace(token, revoked_at=at)
        return token

    async def list(self) -> Sequence[Token]:
        """Return all tokens with their last use, oldest first."""
        used = (replace(one, last_used_at=self._uses.get(one.id)) for one in self._tokens.values())
        return sorted(used, key=lambda token: (token.created_at, token.id))

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens, by their ids, were last used."""
        self._uses |= uses
