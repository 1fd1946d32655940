"""What the runs of half an hour share: a system of their own, a command line, memory over time."""

import argparse
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression
from time import monotonic
from typing import Final

from tests.faults import report
from tests.faults.audit import Row
from tests.faults.scenario import Scenario
from tests.faults.workers import Worker
from tests.integration.broker.processes import Broker
from tests.smtp_server import ScriptedRelay

MEGABYTE: Final = 2**20
_ENOUGH: Final = 10
"""Looks at a worker's memory without which it has no slope."""


@contextmanager
def opened(folder: Path, seed: int) -> Iterator[Scenario]:
    """Yield a scenario in a folder: Valkey and a relay run, workers do not yet."""
    broker = Broker(folder)
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.kill)
        stack.callback(broker.client.close)
        relay = stack.enter_context(ScriptedRelay())
        yield Scenario(broker, relay, seed, stack)


@dataclass(frozen=True, slots=True)
class Finding:
    """A row, and what else such a run has to say, in sentences."""

    row: Row
    sentences: tuple[str, ...]


@dataclass(slots=True)
class Memory:
    """How much memory workers have in use, over time."""

    _points: dict[int, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, workers: Iterable[Worker]) -> None:
        """Take note of those that live."""
        for worker in workers:
            if worker.alive:
                self._points[worker.process.pid].append((monotonic(), worker.resident))

    @property
    def most(self) -> int:
        """Return the most bytes that any worker had."""
        return max((size for points in self._points.values() for _, size in points), default=0)

    @property
    def slope(self) -> float:
        """Return how the worker that lived longest grew, bytes per hour; a third is warm-up."""
        points = max(self._points.values(), key=len, default=[])
        settled = points[len(points) // 3 :]
        if len(settled) < _ENOUGH:
            return 0.0
        times, sizes = zip(*settled, strict=True)
        return linear_regression(times, sizes).slope * 3600


def main(name: str, description: str, run: Callable[[Scenario, float], Finding]) -> int:
    """Run it as a program: ``python -m tests.faults.NAME --minutes 30 --seed 1``."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.faults.{name}", description=description)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, metavar="PAGE", help="write what was found into it")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ndf"))
    try:
        with opened(folder, chosen.seed) as scenario:
            found = run(scenario, chosen.minutes * 60)
            scenario.end()
    except AssertionError as error:
        print(f"FAILED, what there is stays in {folder}: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    text = report.long_run(found.row.as_plain(), found.sentences)
    print(text)
    if chosen.report:
        report.write(chosen.report, name, text)
    return 0
