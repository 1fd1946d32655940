"""A breaker: while a service is away, one probe at a time asks whether it is back."""

from collections.abc import Callable
from random import random
from time import monotonic
from typing import Final

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 15.0

PATIENCE: Final = 5
"""How many failures without any reply, one after the other, amount to a fault of the service."""


class Breaker:
    """Closed while the service works; open while it does not; lets a single probe through when due.

    The pause before the next probe doubles from 1 s to 15 s, with jitter, so that
    the workers of an installation do not probe in step.

    Args:
        on_change: Called with True when it opens and False when it closes.
        now: Returns seconds of a clock that never goes back.
        jitter: Returns a number in [0, 1).
    """

    __slots__ = (
        "_due",
        "_jitter",
        "_now",
        "_on_change",
        "_pause",
        "_probing",
        "_silences",
        "is_open",
    )

    def __init__(
        self,
        on_change: Callable[[bool], None] = lambda _: None,
        *,
        now: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._on_change = on_change
        self._now = now
        self._jitter = jitter
        self._pause = _FIRST_PAUSE
        self._due = 0.0
        self._probing = False
        self._silences = 0
        self.is_open = False

    def permits(self) -> bool:
        """Return whether to try now; when open, True makes the caller the probe.

        Whoever was permitted ends with one of :meth:`passed`, :meth:`failed`,
        :meth:`silent` and :meth:`withdrawn`.
        """
        if not self.is_open:
            return True
        if self._probing or self._now() < self._due:
            return False
        self._probing = True
        return True

    def passed(self) -> None:
        """Note that the service does its work."""
        self._silences = 0
        self._probing = False
        if self.is_open:
            self.is_open = False
            self._pause = _FIRST_PAUSE
            self._on_change(False)  # noqa: FBT003 - open or closed is all there is to say

    def failed(self) -> None:
        """Note that the service cannot serve anyone."""
        if self.is_open and not self._probing:
            return  # an attempt from before it opened: it says nothing new
        self._pause = min(self._pause * 2, _LONGEST_PAUSE) if self.is_open else _FIRST_PAUSE
        self._due = self._now() + self._pause * (0.75 + 0.5 * self._jitter())
        self._probing = False
        if not self.is_open:
            self.is_open = True
            self._on_change(True)  # noqa: FBT003 - open or closed is all there is to say

    def silent(self) -> None:
        """Note that an attempt ended without any reply; a row of them is a fault."""
        self._silences += 1
        if self.is_open or self._silences >= PATIENCE:
            self.failed()

    def withdrawn(self) -> None:
        """Note that an attempt was given up from our side: another one may probe."""
        self._probing = False
