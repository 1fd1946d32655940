"""Tokens in Valkey: read together with whatever else is asked within one tick.

A record, ``<prefix>token:<id>``, outlives the token's worth by 90 days, so that whoever looks into
an incident still finds whose it was. ``<prefix>tokens`` is the set of ids, ``<prefix>token-uses`` a
hash of last uses by id, in microseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from redis.asyncio import Redis

from dispatcher.access import Token
from dispatcher.adapters.store import token_record
from dispatcher.adapters.store.codec import from_microseconds, to_microseconds
from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.errors import StoreUnavailable

_REMEMBERED: Final = timedelta(days=90)
_LAST_TIME: Final = 253_402_300_799
"""Seconds from 1970 to the end of the year 9999: what Valkey can be told, and a datetime holds."""


class ValkeyTokenStore:
    """Keeps tokens' digests in Valkey; nothing is cached: a revocation counts from the next use on.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
        readings: What else of the store is read with tokens; by default nothing.
    """

    def __init__(
        self, client: Redis, *, prefix: str = "nd:", readings: Readings | None = None
    ) -> None:
        self._client = client
        self._prefix = to_bytes(prefix)
        self._ids = self._prefix + b"tokens"
        self._uses = self._prefix + b"token-uses"
        self._readings = readings or Readings(client)

    async def find(self, token_id: str) -> Token | None:
        """Return a token as it is now, but without its last use; None where there is none.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        (text,) = await self._readings.ask(token_record.key_of(self._prefix, token_id))
        return None if text is None else token_record.decode(token_id, text)

    async def add(self, token: Token) -> None:
        """Keep a new token.

        Raises:
            StoreUnavailable: The store did not answer; it may be kept.
        """
        key = token_record.key_of(self._prefix, token.id)
        with store_errors():
            async with self._client.pipeline(transaction=True) as steps:
                steps.set(key, token_record.encode(token), exat=_forgotten_at(token))
                steps.sadd(self._ids, token.id)
                await steps.execute()

    async def revoke(self, token_id: str, at: datetime) -> Token | None:
        """Revoke a token; return it, or None where there is none. The first revocation counts.

        Raises:
            StoreUnavailable: The store did not answer; it may be revoked.
        """
        token = await self.find(token_id)
        if token is None or token.revoked_at is not None:
            return token
        revoked = replace(token, revoked_at=at)
        key = token_record.key_of(self._prefix, token_id)
        with store_errors():
            # Only where it still is: a record that has just been forgotten stays so.
            await self._client.set(
                key, token_record.encode(revoked), xx=True, exat=_forgotten_at(revoked)
            )
        return revoked

    async def list(self) -> Sequence[Token]:
        """Return all tokens with their last use, oldest first; forgets the ids of forgotten ones.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            ids = sorted(_text(each) for each in await self._client.smembers(self._ids))
            if not ids:
                return []
            uses = await self._client.hmget(self._uses, ids)
        keys = (token_record.key_of(self._prefix, token_id) for token_id in ids)
        texts = await self._readings.ask(*keys)
        await self._forget([one for one, text in zip(ids, texts, strict=True) if text is None])
        tokens = (
            replace(token_record.decode(token_id, text), last_used_at=_time(use))
            for token_id, text, use in zip(ids, texts, uses, strict=True)
            if text is not None
        )
        return sorted(tokens, key=lambda token: (token.created_at, token.id))

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens, by their ids, were last used.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        columns = chain.from_iterable(
            (token_id, str(to_microseconds(time))) for token_id, time in uses.items()
        )
        with store_errors():
            await self._client.hset(self._uses, items=[*columns])

    async def _forget(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        with store_errors():
            async with self._client.pipeline(transaction=True) as steps:
                steps.srem(self._ids, *ids)
                steps.hdel(self._uses, *ids)
                await steps.execute()


def _forgotten_at(token: Token) -> int | None:
    """Return when a token's record goes, in seconds since 1970; None for never."""
    ends = [end for end in (token.expires_at, token.revoked_at) if end is not None]
    if not ends:
        return None
    return min(int(min(ends).timestamp() + _REMEMBERED.total_seconds()), _LAST_TIME)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _time(use: bytes | str | None) -> datetime | None:
    try:
        return None if use is None else from_microseconds(to_bytes(use))
    except ValueError as error:
        raise StoreUnavailable("a token's last use in the store is broken") from error
