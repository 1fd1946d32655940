"""An issuer's keys: fetched when they are needed, kept while it is away.

Unknown key ids are an attacker's way to make us ask the issuer: it is asked for one at most every
few seconds, by one task whoever waits, and what it said meanwhile counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from dispatcher.adapters.oidc.algorithms import VerificationKey, read_key
from dispatcher.errors import IssuerUnavailable

_FRESH: Final = 300.0
"""Seconds after which keys are fetched again: the longest that a withdrawn key still counts
while the issuer answers."""

_BETWEEN: Final = 10.0
"""Seconds between two fetches at least."""

_PATIENCE: Final = 0.8
"""Seconds that a call waits for the keys; the fetch itself goes on for the next one."""

_MOST_KEYS: Final = 100


class IssuerKeys:
    """Finds an issuer's keys.

    Args:
        fetch: Fetches its key set; raises IssuerUnavailable.
        now: Tells the time, seconds.
        tell: Is told when the issuer is away, and with None when it is back.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Mapping[str, Any]]],
        *,
        now: Callable[[], float] = monotonic,
        tell: Callable[[IssuerUnavailable | None], None] = lambda _: None,
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._tell = tell
        self._keys: Sequence[VerificationKey] | None = None
        self._fetched = self._tried = -_FRESH
        self._fault: IssuerUnavailable | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """Return the keys that may have signed a token: those of that id, or all without one.

        Raises:
            IssuerUnavailable: There is none among those known, and the issuer is away.
        """
        found = self._among_known(key_id, algorithm)
        if found and self._now() - self._fetched < _FRESH:
            return found
        self._refresh()
        if found:  # stale ones do until the new ones are there
            return found
        await self._wait()
        found = self._among_known(key_id, algorithm)
        if not found and (self._fault is not None or self._keys is None):
            raise IssuerUnavailable("the issuer's keys are not to be had now")
        return found

    async def close(self) -> None:
        """Stop fetching."""
        task = self._fetching
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _among_known(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        return [
            key
            for key in self._keys or ()
            if algorithm in key.algorithms and key_id in {None, key.id}
        ]

    def _refresh(self) -> None:
        if self._fetching is not None or self._now() - self._tried < _BETWEEN:
            return
        self._tried = self._now()
        self._fetching = asyncio.get_running_loop().create_task(self._fetch_once())

    async def _wait(self) -> None:
        if self._fetching is None:
            return
        _, late = await asyncio.wait([self._fetching], timeout=_PATIENCE)
        if late:
            raise IssuerUnavailable("the issuer did not give its keys in time")

    async def _fetch_once(self) -> None:
        try:
            keys = _readable(await self._fetch())
        except IssuerUnavailable as fault:
            self._went_wrong(fault)
        else:
            self._keys, self._fetched = keys, self._now()
            if self._fault is not None:
                self._fault = None
                self._tell(None)
        finally:
            self._fetching = None

    def _went_wrong(self, fault: IssuerUnavailable) -> None:
        if self._fault is None:
            self._tell(fault)
        self._fault = fault


def _readable(key_set: Mapping[str, Any]) -> Sequence[VerificationKey]:
    found = key_set.get("keys")
    entries = found[:_MOST_KEYS] if isinstance(found, list) else []
    read = (read_key(entry) for entry in entries if isinstance(entry, dict))
    keys = [key for key in read if key is not None]
    if not keys:
        # Not taken over: an issuer that is being mended may say so for a moment.
        raise IssuerUnavailable("the issuer's key set has no key for us")
    return keys
