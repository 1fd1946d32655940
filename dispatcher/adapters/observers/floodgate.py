"""Floods of log lines: the first of each kind and second are written, the rest are counted."""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

_SECOND: Final = 1.0

Kind = tuple[str, ...]
"""What lines are alike to; one of few."""


class Floodgate:
    """Lets so many lines of a kind through in a second.

    Args:
        rate: How many; 0 lets all through.
        tell: Is told of each kind of which some were kept back, and how many, after their second.
        now: Tells the time, seconds.
    """

    def __init__(
        self,
        rate: int,
        tell: Callable[[Kind, int], None],
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._rate = rate
        self._tell = tell
        self._now = now
        self._began = now()
        self._came: Counter[Kind] = Counter()

    def admits(self, *kind: str) -> bool:
        """Return whether a line of this kind is written now."""
        if not self._rate:
            return True
        if self._now() - self._began >= _SECOND:
            self._close()
        self._came[kind] += 1
        return self._came[kind] <= self._rate

    def _close(self) -> None:
        came, self._came, self._began = self._came, Counter(), self._now()
        for kind, count in came.items():
            if count > self._rate:
                self._tell(kind, count - self._rate)
