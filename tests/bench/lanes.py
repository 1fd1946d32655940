"""A run of the benchmark; its rounds are interleaved: A B C, then A B C again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.contenders import Contender
from tests.bench.race import Heat, heat, stage
from tests.bench.series import Series


@dataclass(frozen=True, slots=True)
class Run:
    """What a chapter needs to know.

    Args:
        templates: The alternatives'.
        mail_bytes: The size of one of our mails.
        rounds: How often everything is measured.
        quick: Whether to measure with less.
        tell: Is told what is measured now.
    """

    templates: Path
    mail_bytes: int
    rounds: int
    quick: bool
    tell: Callable[[str], None]

    def scaled(self, messages: int) -> int:
        """Return how many messages to use where the whole benchmark uses so many."""
        return messages * 2 // 5 if self.quick else messages


@dataclass(frozen=True, slots=True)
class Lane:
    """What takes part in every round.

    Args:
        series: Where its values go.
        measure: Measures once.
    """

    series: Series
    measure: Callable[[], float]


def interleave(run: Run, lanes: Sequence[Lane], rounds: int | None = None) -> list[Series]:
    """Measure all lanes in turn, as often as there are rounds; one that fails is left out."""
    for number in range(1, (rounds or run.rounds) + 1):
        for lane in lanes:
            series = lane.series
            if series.missing:
                continue
            run.tell(f"{series.name}, round {number}")
            try:
                series.values.append(lane.measure())
            except (TimeoutError, ChildProcessError) as error:
                series.missing = str(error)
    return [lane.series for lane in lanes]


@dataclass(frozen=True, slots=True)
class Heats:
    """Lanes of contenders, each heat on fresh servers; remembers what else the heats showed."""

    run: Run
    seen: dict[str, list[Heat]] = field(default_factory=dict)

    def lane(
        self, contender: Contender, name: str = "", unit: str = "mails/s", **staging: Any
    ) -> Lane:
        """Return a contender's lane; *staging* is for :func:`race.stage`."""
        name = name or contender.name
        seen = self.seen.setdefault(name, [])

        def measure() -> float:
            messages = self.run.scaled(contender.messages)
            options: Mapping[str, Any] = {"fsync": contender.fsync} | staging
            with stage(self.run.templates, **options) as here:
                contender.fill(here, messages)
                seen.append(heat(contender, here, messages))
            return seen[-1].rate

        return Lane(Series(name, unit, missing=contender.missing), measure)

    def processor(self) -> list[Series]:
        """Return the processor time per event that each contender and its Valkey used."""
        return [
            Series(f"{name}: processor time", "µs", [heat.processor * 1e6 for heat in heats])
            for name, heats in self.seen.items()
            if heats
        ]

    @property
    def sink_load(self) -> float:
        """The largest part of a core that the sink ever used."""
        return max((heat.sink_load for heats in self.seen.values() for heat in heats), default=0.0)
