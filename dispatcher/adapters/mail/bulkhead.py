"""A bulkhead: deliveries that wait for one organization's relay must not fill the worker.

A relay may take minutes for a reply (RFC 5321 section 4.5.3.2), and each delivery that waits for
one takes up one of the worker's places meanwhile.
"""

import asyncio
from collections import deque
from typing import Final

from dispatcher.delivery import Phase
from dispatcher.errors import Throttled

_WAIT: Final = 0.25
"""Seconds that a delivery may wait for a place: a relay that works soon has one."""
_SILENCE: Final = 2.0
"""Seconds without any end of a delivery after which nobody waits for a place any more."""


class Bulkhead:
    """Lets so many deliveries be under way at once, and refuses the others for now.

    Args:
        relay: The relay's name, for errors.
        places: How many.
    """

    def __init__(self, relay: str, places: int) -> None:
        self._relay = relay
        self._places = places
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._moved = 0.0
        self.busy = 0

    async def enter(self) -> None:
        """Take a place, or wait a moment for one; whoever has one gives it back with :meth:`leave`.

        Raises:
            Throttled: There is none.
        """
        loop = asyncio.get_running_loop()
        if not self.busy:
            self._moved = loop.time()
        if self.busy < self._places:
            self.busy += 1
            return
        if loop.time() - self._moved > _SILENCE:
            raise self._full()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=_WAIT)
        except asyncio.CancelledError:
            if turn.done():
                self.leave()  # the place had been given to whoever is being stopped
            turn.cancel()
            raise
        if not turn.done():
            turn.cancel()
            raise self._full()

    def leave(self) -> None:
        """Give the place to whoever waits longest, or back."""
        self._moved = asyncio.get_running_loop().time()
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.busy -= 1

    def _full(self) -> Throttled:
        why = f"{self.busy} deliveries wait for this relay already"
        return Throttled(why, phase=Phase.CONNECT, relay=self._relay)
