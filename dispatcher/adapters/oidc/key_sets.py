"""The key sets that prove connections' calls: one per place, shared by all connections of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import httpx

from dispatcher.adapters.oidc.fetch import fetch_document, fetch_keys, new_client
from dispatcher.adapters.oidc.keys import IssuerKeys
from dispatcher.connection import Connection
from dispatcher.errors import IssuerUnavailable
from dispatcher.sources.hook import KeySet, NoKeys
from dispatcher.web_address import is_safe

_MOST: Final = 1_000
"""Places; a connection that is changed all the time must not fill the memory."""

Place = tuple[str, str]
"""Where keys are, and whose: the set's own address, or else the issuer's."""


class KeySets:
    """Finds the keys that a connection's options name.

    Args:
        tell: Is told when an issuer is away, and with None when it is back.
    """

    def __init__(self, tell: Callable[[str, IssuerUnavailable | None], None]) -> None:
        self._tell = tell
        self._client: httpx.AsyncClient | None = None
        self._known: dict[Place, IssuerKeys] = {}

    def of(self, connection: Connection) -> KeySet:
        """Return the key set that proves a connection's calls; an empty one where none does."""
        options = connection.options
        place = options.get("jwks_url", ""), options.get("issuer", "")
        if not any(place):
            return NoKeys()
        if place not in self._known:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[place] = IssuerKeys(
                partial(self._fetch, place), tell=partial(self._tell, connection.name)
            )
        return self._known[place]

    async def close(self) -> None:
        """Stop fetching."""
        for keys in self._known.values():
            await keys.close()
        if self._client is not None:
            await self._client.aclose()

    async def _fetch(self, place: Place) -> Mapping[str, Any]:
        url, issuer = place
        if self._client is None:
            self._client = new_client()
        if not is_safe(url or issuer):
            raise IssuerUnavailable("its keys are at no https address: nothing proves them")
        return await (
            fetch_document(self._client, url) if url else fetch_keys(self._client, issuer)
        )
