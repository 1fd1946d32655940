"""Random faults under steady load: ``python -m tests.faults.soak --minutes 30 --seed 1``.

Prints each fault as it comes, then the same figures as the rows of the fault suite, and how the
workers' memory grew. Exits 1 when something was lost or forbidden.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Final

from tests.faults.audit import Bounds
from tests.faults.report import machine
from tests.faults.scenario import CONCURRENCY, Scenario
from tests.faults.workers import Worker, pause
from tests.integration.broker.processes import Broker
from tests.smtp_server import Act, At, Rule, ScriptedRelay

_RATE: Final = 20
_WAVE: Final = 20 * _RATE
_WORKERS: Final = 2
_SLOW: Final = Rule(At.FINAL, act=Act.DELAY, delay=0.2)
"""Takes each message at once and says so late: there is always something in doubt."""


class Soak:
    """Load, and one fault after the other.

    Args:
        scenario: The parts.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario, self._random = scenario, scenario.random
        scenario.relay.rules = (_SLOW,)
        self._crew = scenario.start_all(_WORKERS)
        self.deaths = 0
        self.faults: Counter[str] = Counter()
        self.resident: list[tuple[float, int, int]] = []
        self._faults: tuple[Callable[[], None], ...] = (
            *(self.kill_worker, self.stop_worker, self.freeze_worker, self.kill_broker),
            *(self.cut_lines, self.relay_away, self.relay_refuses, self.relay_drops),
            *(self.relay_hangs, self.memory_full, self.quiet),
        )

    def run(self, seconds: float) -> None:
        """Publish without a pause, and break something all the time."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            publishing = self._scenario.publishing(_WAVE, rate=_RATE)
            while publishing.is_alive():
                fault = self._random.choice(self._faults)
                print(f"{deadline - monotonic():6.0f} s left  {fault.__name__}", flush=True)
                fault()
                self.faults[fault.__name__] += 1
                self._note_memory()
                pause(self._random.uniform(0.5, 4.0))
            publishing.done()

    def growth(self) -> float:
        """Return the steepest growth of a worker that lived for two minutes or more, bytes/h."""
        slopes = []
        for pid in {pid for _, pid, _ in self.resident}:
            points = [(at, size) for at, known, size in self.resident if known == pid]
            settled = points[len(points) // 3 :]
            if settled and settled[-1][0] - settled[0][0] > 120:
                (first, before), (last, after) = settled[0], settled[-1]
                slopes.append((after - before) / (last - first) * 3600)
        return max(slopes, default=0.0)

    def kill_worker(self) -> None:
        self._replace(Worker.kill)
        self.deaths += 1

    def stop_worker(self) -> None:
        self._replace(lambda worker: worker.stop())

    def freeze_worker(self) -> None:
        worker = self._random.choice(self._crew)
        worker.send(signal.SIGSTOP)
        pause(self._random.choice((1.0, 8.0, 20.0)))
        worker.send(signal.SIGCONT)
        self.deaths += 1  # beyond its leases it counts as one

    def kill_broker(self) -> None:
        self._scenario.broker.kill()
        pause(self._random.uniform(0.2, 3.0))
        self._scenario.broker.start()

    def cut_lines(self) -> None:
        self._scenario.broker.client.client_kill_filter(_type="normal", skipme=True)

    def memory_full(self) -> None:
        client = self._scenario.broker.client
        client.config_set("maxmemory", "1mb")
        pause(2.0)
        client.config_set("maxmemory", "0")

    def relay_away(self) -> None:
        relay = self._scenario.relay
        relay.refuse()
        relay.drop_all()
        pause(self._random.uniform(1.0, 8.0))
        relay.listen()

    def relay_refuses(self) -> None:
        self._relay_rules(Rule(At.RCPT, "451 4.3.0 later", every=2))

    def relay_drops(self) -> None:
        self._relay_rules(Rule(At.FINAL, act=Act.TAKE_AND_DROP, every=10))

    def relay_hangs(self) -> None:
        self._relay_rules(Rule(At.DATA, act=Act.HANG, every=5))
        self._scenario.relay.drop_all()  # whatever hangs would do so for minutes

    def quiet(self) -> None:
        pause(3.0)

    def _relay_rules(self, *rules: Rule) -> None:
        self._scenario.relay.rules = (*rules, _SLOW)
        pause(self._random.uniform(1.0, 4.0))
        self._scenario.relay.rules = (_SLOW,)

    def _replace(self, end: Callable[[Worker], object]) -> None:
        end(self._crew.pop(self._random.randrange(len(self._crew))))
        self._crew.append(self._scenario.start().ready())

    def _note_memory(self) -> None:
        now = monotonic()
        self.resident += [(now, one.process.pid, one.resident) for one in self._crew]


def _run(folder: Path, minutes: float, seed: int) -> None:
    broker = Broker(folder)
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.kill)
        stack.callback(broker.client.close)
        relay = stack.enter_context(ScriptedRelay())
        scenario = Scenario(broker, relay, seed, stack)
        soak = Soak(scenario)
        soak.run(minutes * 60)
        # What was dropped after the final dot is bounded by what the ledger counted, not by deaths.
        most = len(scenario.accepted) if soak.faults["relay_drops"] else soak.deaths * CONCURRENCY
        print(machine())
        print(dict(soak.faults))
        print(f"memory of a worker: at most {soak.growth() / 2**20:+.1f} MiB/h")
        scenario.settle("F37", f"{minutes:g} minutes of random faults", Bounds(most, 600))


def main() -> int:
    """Run the soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ndf"))
    try:
        _run(folder, chosen.minutes, chosen.seed)
    except AssertionError as error:
        print(f"FAILED, what there is stays in {folder}: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
