"""Readings: what concurrent walks want to know of the store is asked in one call."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.adapters.store.line import line_of

Texts = tuple[bytes | None, ...]
"""What is kept under some keys, in their order; None where nothing is."""


class Readings:
    """Reads texts; nothing is cached, and nonsense in the store is never taken for nothing.

    Args:
        client: The store.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._line = line_of(client)
        self._gatherer: Gatherer[tuple[bytes, ...], Texts] = Gatherer(self._read)

    def ask(self, *keys: bytes) -> "asyncio.Future[Texts]":
        """Return the texts that will have been read.

        Raises:
            StoreUnavailable: The store did not answer (from the future).
        """
        return self._gatherer.ask(keys)

    async def _read(self, wanted: Sequence[tuple[bytes, ...]]) -> Sequence[Texts]:
        keys = list(dict.fromkeys(chain.from_iterable(wanted)))
        with store_errors():
            texts, existing = await self._line.ask(("MGET", *keys), ("EXISTS", *keys))
            if existing != len(keys) - texts.count(None):
                texts = [await self._reread(key) for key in keys]
        kept = dict(zip(keys, texts, strict=True))
        return [tuple([kept[key] for key in each]) for each in wanted]

    async def _reread(self, key: bytes) -> Any:  # noqa: ANN401 - text or None
        """Return what is there, or nonsense where it is no text: MGET takes that for nothing."""
        try:
            return await self._client.get(key)
        except ResponseError:
            return b""
