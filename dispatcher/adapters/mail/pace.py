"""A relay's pace: messages wait for their turn in one line, and no attempt is spent on it."""

import asyncio
from collections import deque
from math import inf
from typing import Final

from dispatcher.adapters.mail.pace_rate import Rate
from dispatcher.delivery import Phase
from dispatcher.errors import Throttled

_SOON: Final = 0.001  # event loops keep time in milliseconds


class Pace:
    """Lets messages pass as fast as the relay wants them.

    Args:
        relay: The relay's name, for errors.
        rate: Messages per second at most; 0 is no limit.
        patience: Seconds that a message may wait for its turn.
    """

    __slots__ = ("_patience", "_rate", "_relay", "_timer", "_waiting")

    def __init__(self, relay: str, rate: float, patience: float) -> None:
        self._relay = relay
        self._rate = Rate(rate or inf)
        self._patience = patience
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> float:
        """Return the messages per second that may pass now; ``inf`` when any number may."""
        return self._rate.current

    def passes(self) -> bool:
        """Return whether a message may pass at once; if not, it waits for its :meth:`turn`."""
        if self._waiting:
            return False
        return self._rate.take(asyncio.get_running_loop().time()) == 0.0

    async def turn(self) -> None:
        """Wait until it is this message's turn.

        Raises:
            Throttled: That would take, or took, longer than a message may wait.
        """
        if len(self._waiting) + 1 > self._rate.current * self._patience:
            raise self._too_long()
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append((loop.time(), turn))
        if self._timer is None:
            self._serve()
        await turn

    def slow_down(self) -> None:
        """Note that the relay wants less; what waits already waits longer."""
        self._rate.slow_down(asyncio.get_running_loop().time())

    def release(self) -> None:
        """Let all pass: they find the relay away."""
        for _, turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()

    def _serve(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            since, turn = self._waiting[0]
            if not turn.done():
                if now - since > self._patience:
                    turn.set_exception(self._too_long())
                elif pause := self._rate.take(now):
                    self._timer = loop.call_later(max(pause, _SOON), self._serve)
                    return
                else:
                    turn.set_result(None)
            self._waiting.popleft()

    def _too_long(self) -> Throttled:
        why = f"the relay's pace leaves no turn within {self._patience:g} s"
        return Throttled(why, phase=Phase.CONNECT, relay=self._relay)
