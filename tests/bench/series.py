"""What was measured, and what was to be reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

RATIO: Final = "\N{MULTIPLICATION SIGN}"


@dataclass(slots=True)
class Series:
    """One thing measured once in each round.

    Args:
        name: What.
        unit: In what.
        values: What came out, round by round.
        missing: Why there is nothing.
    """

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    missing: str = ""

    @property
    def median(self) -> float:
        return median(self.values) if self.values else float("nan")

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return (min(self.values), max(self.values)) if self.values else (self.median, self.median)


@dataclass(frozen=True, slots=True)
class Claim:
    """A speed to reach.

    Args:
        text: What is compared with what.
        target: The bound.
        measured: What came out; not a number when nothing did.
        at_least: Whether the target is a lower bound.
        unit: Of both; a ratio has a sign of its own.
    """

    text: str
    target: float
    measured: float
    at_least: bool = True
    unit: str = RATIO

    @property
    def is_met(self) -> bool | None:
        """Whether it is reached; None when it could not be measured."""
        if self.measured != self.measured:
            return None
        reached = self.measured - self.target if self.at_least else self.target - self.measured
        return reached >= 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One chapter of the results."""

    name: str
    title: str
    series: Sequence[Series]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()


def ratio(text: str, target: float, first: Series, second: Series) -> Claim:
    """Return the claim that one median is at least so many times the other."""
    return Claim(text, target, first.median / second.median)
