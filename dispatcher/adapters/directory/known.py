"""What a directory said a moment ago, and what it is being asked already."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from dispatcher.adapters.directory.entry import Entry

_MOST: Final = 10_000

Whose = tuple[str, str]
"""A tenant and one of its users."""


class Known:
    """Remembers entries for a moment; nobody is asked for twice at the same time.

    That there is no such user is not remembered: there may be one the next moment.

    Args:
        find: Asks the directory.
        age: Seconds for which an entry counts; 0 remembers nothing.
        seconds: Tells how much time passes.
    """

    def __init__(
        self,
        find: Callable[[str, str], Awaitable[Entry | None]],
        age: float,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._find = find
        self._age = age
        self._seconds = seconds
        self._entries: OrderedDict[Whose, tuple[float, Entry]] = OrderedDict()
        self._asked: dict[Whose, asyncio.Task[Entry | None]] = {}

    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what the directory says of a user, or said a moment ago; raises what it raises."""
        whose = (tenant, user_id)
        until, entry = self._entries.get(whose, (0.0, None))
        if entry is not None and self._seconds() < until:
            return entry
        asked = self._asked.get(whose)
        if asked is None:
            asked = self._asked[whose] = asyncio.create_task(self._learn(whose))
            asked.add_done_callback(_looked_at)
        return await asyncio.shield(asked)  # one who no longer waits must not stop the others

    async def close(self) -> None:
        """Ask for nobody any more."""
        asked = tuple(self._asked.values())
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _learn(self, whose: Whose) -> Entry | None:
        try:
            entry = await self._find(*whose)
        finally:
            del self._asked[whose]
        if entry is not None and self._age > 0:
            self._entries.pop(whose, None)
            self._entries[whose] = self._seconds() + self._age, entry
            if len(self._entries) > _MOST:
                self._entries.popitem(last=False)
        return entry


def _looked_at(asked: "asyncio.Task[Entry | None]") -> None:
    if not asked.cancelled():
        asked.exception()  # whoever waited may be gone
