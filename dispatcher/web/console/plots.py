"""Small plots, drawn on the server: stacked bars, one path per outcome, coloured by stylesheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatcher.workforce import Counts, Window

OUTCOMES: Final = ("sent", "skipped", "deferred", "dead")
"""From the ground up."""

WIDTH: Final = 720
HEIGHT: Final = 120
_GAP: Final = 0.2
"""Of a step, between two bars."""

_ROOM: Final = 0.94
"""Of the width: a time that is written behind would not end within the plot."""

_LEAST: Final = 1.5
"""Height of a bar of one among thousands: it shall be seen."""

_NICE: Final = (10, 12, 16, 20, 24, 30, 40, 50, 60, 80)
"""What the top line stands for, times a power of ten: even, so that the middle is whole, too."""


_MARKED: Final = {Window.HOUR: 600, Window.DAY: 14_400}
"""Seconds between the times that are written below: round ones, in UTC."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A time on the ground line."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What happened in a window of time.

    Args:
        paths: Outcome → its bars, as an SVG path.
        marks: Times on the ground line.
        top: How much the top line stands for.
        sums: Outcome → how many in all.
        busiest: The most in one step, and when that began; None where nothing happened.
    """

    paths: dict[str, str]
    marks: Sequence[Mark]
    top: int
    sums: dict[str, int]
    busiest: tuple[int, datetime] | None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing happened."""
        return self.busiest is None


def plot(window: Window, counts: Sequence[Counts], now: datetime) -> Plot:
    """Return the plot of what was done in each step of a window."""
    starts, every = window.steps_until(now), _MARKED[window]
    totals = [sum(each.get(outcome, 0) for outcome in OUTCOMES) for each in counts]
    most = max(totals, default=0)
    top = _nice(most)
    return Plot(
        paths={one: path for one in OUTCOMES if (path := "".join(_bars(one, counts, top)))},
        marks=[
            Mark(round(WIDTH / len(starts) * at, 1), f"{start:%H:%M}")
            for at, start in enumerate(starts)
            if start.timestamp() % every == 0 and at < len(starts) * _ROOM
        ],
        top=top,
        sums={one: sum(each.get(one, 0) for each in counts) for one in OUTCOMES},
        busiest=(most, starts[totals.index(most)]) if most else None,
    )


def _bars(outcome: str, counts: Sequence[Counts], top: int) -> Iterator[str]:
    step, below = WIDTH / len(counts), OUTCOMES[: OUTCOMES.index(outcome)]
    for at, each in enumerate(counts):
        count = each.get(outcome, 0)
        if not count:
            continue
        ground = HEIGHT * (1 - sum(each.get(one, 0) for one in below) / top)
        height = max(HEIGHT * count / top, _LEAST)
        x, width = step * (at + _GAP / 2), step * (1 - _GAP)
        yield f"M{x:.4g} {ground:.4g}v-{height:.4g}h{width:.4g}v{height:.4g}z"


def _nice(most: int) -> int:
    """Return a number that is not less, and that people like to read."""
    power = 1
    while True:
        for digits in _NICE:
            if digits * power >= most:
                return digits * power
        power *= 10
