"""A rate of messages: a token bucket that a relay's complaints slow down. No clock of its own."""

from math import inf
from typing import Final

_BURST: Final = 0.1
"""Seconds' worth of messages that may go at once, but one at least."""

_SLOWEST: Final = 0.2
"""Messages per second below which no complaint brings it: it must notice that all is well."""

_RECOVERY: Final = 60.0
"""Seconds in which it regains, bit by bit, what it had before it was slowed down."""

_LEAST_SLOPE: Final = 0.1
"""Messages per second that it regains in a second at least: few were sent, not few were wanted."""

_REACTION: Final = 1.0
"""Seconds in which complaints are about what was sent before it was slowed down."""


_ONE: Final = 1.0 - 1e-6
"""A token, less what adding up small amounts loses: the wait for that would be no time at all."""


class Rate:
    """Multiplicative decrease, additive increase, as TCP finds what a way bears (RFC 5681).

    Args:
        most: Messages per second; ``inf`` for as many as come.
    """

    __slots__ = (
        "_before",
        "_count",
        "_deaf_until",
        "_most",
        "_second",
        "_seen",
        "_slope",
        "_tokens",
        "_unbounded_at",
        "current",
    )

    def __init__(self, most: float = inf) -> None:
        self._most = most
        self._tokens = 1.0
        self._seen = self._second = self._deaf_until = -inf
        self._slope = 0.0
        self._unbounded_at = inf
        self._count = self._before = 0
        self.current = most

    def take(self, now: float) -> float:
        """Let a message go and return 0.0, or return the seconds until one may.

        Args:
            now: Seconds of a clock that never goes back.
        """
        if self.current != inf:
            self._advance(now)
            if self._tokens < _ONE:
                return (1.0 - self._tokens) / self.current
            self._tokens -= 1.0
        if now - self._second >= 1.0:
            self._turn_over(now)
        self._count += 1
        return 0.0

    def slow_down(self, now: float) -> None:
        """Halve it, from what was really sent if that was less."""
        if now < self._deaf_until:
            return
        if now - self._second >= 1.0:
            self._turn_over(now)
        sent = max(self._count, self._before, 1)
        was = min(self.current, sent)
        self.current = min(max(was / 2, _SLOWEST), self._most)
        self._slope = max(was / 2 / _RECOVERY, _LEAST_SLOPE)
        self._unbounded_at = 2 * was if self._most == inf else inf
        self._tokens = 0.0
        self._seen = now
        self._deaf_until = now + _REACTION

    def _advance(self, now: float) -> None:
        elapsed = min(now - self._seen, _RECOVERY)
        self._seen = now
        depth = max(1.0, self.current * _BURST)
        self._tokens = min(self._tokens + elapsed * self.current, depth)
        self.current = min(self.current + elapsed * self._slope, self._most)
        if self.current >= self._unbounded_at:
            self.current = inf
            self._tokens = 1.0

    def _turn_over(self, now: float) -> None:
        self._before = self._count if now - self._second < 2.0 else 0  # noqa: PLR2004 - two seconds
        self._count = 0
        self._second = now
