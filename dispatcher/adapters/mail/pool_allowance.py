"""How many connections a relay bears: fewer once it turned one away, more again one by one."""

import re
from typing import Final

_SHORTEST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_CROWDED: Final = re.compile(
    rb"too many (?:\w+ ){0,3}(?:connections|sessions)|connection (?:limit|rate)", re.IGNORECASE
)


def is_crowded(text: bytes) -> bool:
    """Return whether a relay closes a connection, as it says, because there are too many."""
    return _CROWDED.search(text) is not None


class Allowance:
    """The number of connections that may be open.

    Only what the relay does to a connection counts, never how slowly it answers: a
    content scanner that takes its time wants more connections, not fewer.

    Args:
        most: Most of them, however many the relay would bear.
    """

    __slots__ = ("_bears", "_most", "_next", "_pause")

    def __init__(self, most: int) -> None:
        self._most = most
        self._bears = most
        self._pause = _SHORTEST_PAUSE
        self._next = float("-inf")

    def at(self, now: float) -> int:
        """Return how many may be open; once a pause is over, one more than were borne."""
        on_trial = self._bears < self._most and now >= self._next
        return self._bears + on_trial

    def pause(self, now: float) -> float:
        """Return the seconds until a further one may be tried."""
        return max(self._next - now, 0.0)

    def refused(self, live: int, now: float) -> None:
        """Note that the relay turned one away while *live* others were open.

        The pause before the next trial doubles from 1 s to 60 s; what is refused during
        a pause was begun before it, and does not lengthen it.
        """
        self._bears = max(1, min(live, self._bears))
        if now >= self._next:
            self._next = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def opened(self, live: int, now: float) -> None:
        """Note that the relay took one; *live* are open with it."""
        if live > self._bears:
            self._bears = live
            self._pause = _SHORTEST_PAUSE
            self._next = now + self._pause
