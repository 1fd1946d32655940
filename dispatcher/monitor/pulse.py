"""Whether what a process cannot do without is there: asked at its own pace, not at a probe's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from dispatcher.errors import StoreUnavailable

_PERIOD: Final = 2.5
_PATIENCE: Final = 1.0


class StorePulse:
    """Asks the store every few seconds.

    Args:
        ready: Returns once the store answers; raises StoreUnavailable where it does not.
    """

    def __init__(self, ready: Callable[[], Awaitable[None]]) -> None:
        self._ready = ready
        self._reason = "it is starting"

    def reason(self) -> str:
        """Return why the process cannot do what it is there for, or ""."""
        return self._reason

    async def run(self) -> None:
        """Go on for ever, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._ready()
            except (StoreUnavailable, TimeoutError):
                self._reason = "the store does not answer"
            else:
                self._reason = ""
            await asyncio.sleep(_PERIOD)
