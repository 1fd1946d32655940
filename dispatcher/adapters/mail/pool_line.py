"""The line in which messages wait for a connection: first come, first served, not forever."""

import asyncio
from collections import deque

from dispatcher.adapters.mail.smtp_handover import Handover, again
from dispatcher.delivery import Phase
from dispatcher.errors import RelayFault


class NoFreeConnection(RelayFault):
    """No connection became free in time: the message was not sent, the relay may be well."""


class Line:
    """Messages waiting for a connection; whoever waited too long is told so.

    One timer watches the head of the line, since nobody has waited longer.

    Args:
        relay: The relay's name, for errors.
        patience: Seconds that a message may wait.
    """

    __slots__ = ("_patience", "_relay", "_timer", "_waiting")

    def __init__(self, relay: str, patience: float) -> None:
        self._relay = relay
        self._patience = patience
        self._waiting: deque[Handover] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, handover: Handover) -> None:
        """Put a message to the end of the line."""
        self._waiting.append(handover)
        self._watch(self._patience)

    def put_back(self, handover: Handover) -> None:
        """Put a message that had left the line to its head."""
        self._waiting.appendleft(handover)
        self._watch(0.0)

    def take(self) -> Handover | None:
        """Return the next message that still wants to be sent."""
        while self._waiting:
            handover = self._waiting.popleft()
            if not handover.settled:
                return handover
        return None

    def refuse(self, fault: RelayFault) -> None:
        """Empty the line: *fault* is the verdict on everyone in it."""
        while handover := self.take():
            handover.verdict.set_exception(again(fault))

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self, pause: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(pause, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting:
            head = self._waiting[0]
            left = head.since + self._patience - now
            if left > 0 and not head.settled:
                self._watch(left)
                return
            self._waiting.popleft()
            if not head.settled:
                why = f"no connection became free in {self._patience:g} s"
                head.verdict.set_exception(
                    NoFreeConnection(why, phase=Phase.CONNECT, relay=self._relay)
                )
