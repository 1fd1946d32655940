"""Suppressions in memory: for tests and trials."""

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import UTC, datetime

from dispatcher.ports import Clock
from dispatcher.suppression import Kept, Page, Suppression, SuppressionReason

_NEVER = datetime.max.replace(tzinfo=UTC)


class MemorySuppressionStore:
    """Keeps suppressions as long as the process lives.

    Args:
        clock: Tells when one has lapsed.
        suppressions: Where to keep them, by scope and the recipient's fingerprint.
    """

    def __init__(
        self,
        clock: Clock,
        suppressions: MutableMapping[tuple[str, str], Suppression] | None = None,
    ) -> None:
        self._clock = clock
        self._kept = {} if suppressions is None else suppressions

    async def add(self, suppression: Suppression) -> Kept:
        """Suppress an address."""
        before = await self.find(suppression.scope, suppression.recipient)
        after = suppression if before is None else _merged(before, suppression)
        self._kept[after.scope, after.recipient] = after
        return Kept(after, before)

    async def remove(
        self, scope: str, recipient: str, *, reason: SuppressionReason | None = None
    ) -> Suppression | None:
        """Remove and return a suppression, only if it has that reason; None where there is none."""
        found = await self.find(scope, recipient)
        if found is None or reason not in {None, found.reason}:
            return None
        return self._kept.pop((scope, recipient))

    async def find(self, scope: str, recipient: str) -> Suppression | None:
        """Return what is kept of an address in exactly this scope."""
        self._sweep()
        return self._kept.get((scope, recipient))

    async def page(self, scope: str = "", *, behind: str = "", limit: int = 100) -> Page:
        """Return suppressions of one scope or of all, newest first, from behind a page on."""
        self._sweep()
        named = {_place(one): one for one in self._kept.values() if scope in {"", one.scope}}
        places = sorted((place for place in named if not behind or place < behind), reverse=True)
        shown = places[:limit]
        return Page(
            tuple(named[place] for place in shown), shown[-1] if len(shown) == limit else ""
        )

    async def count(self, scope: str = "") -> int:
        """Return how many there are in one scope, or in all."""
        self._sweep()
        return sum(scope in {"", one.scope} for one in self._kept.values())

    def _sweep(self) -> None:
        now = self._clock.now()
        for key, one in list(self._kept.items()):
            if one.until is not None and one.until <= now:
                del self._kept[key]


def _merged(before: Suppression, new: Suppression) -> Suppression:
    if new.reason is SuppressionReason.OPERATOR:
        was = before.detail if before.reason is SuppressionReason.OPERATOR else ""
        return replace(new, since=before.since, detail=new.detail or was, event_id="", until=None)
    if before.reason is SuppressionReason.OPERATOR:
        return before
    until = max(before.until or _NEVER, new.until or _NEVER)
    return replace(before, until=None if until == _NEVER else until)


def _place(one: Suppression) -> str:
    return f"{one.since.timestamp():020.6f}:{one.scope}:{one.recipient}"
