"""How long a call waits for the store."""

import asyncio
from types import TracebackType
from typing import Final

from dispatcher.errors import StoreUnavailable

_STORE_PATIENCE: Final = 0.9
"""Seconds; two questions, who calls and what for, make less than the two that a client waits."""

LOG_PATIENCE: Final = 10.0
"""Seconds; the log of a large installation takes a moment to look through."""


class StorePatience:
    """Waits for the store, but not for long.

    Args:
        seconds: How long.

    Raises:
        StoreUnavailable: It did not answer in time; a change may have been made all the same.
    """

    __slots__ = ("_limit",)

    def __init__(self, seconds: float = _STORE_PATIENCE) -> None:
        self._limit = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise StoreUnavailable("the store did not answer in time") from None
