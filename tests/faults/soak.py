"""Random faults under steady load: ``make soak MINUTES=30 SEED=1``.

Prints each fault as it comes, then the same figures as the rows of the fault suite, and how the
workers' memory grew. Exits 1 when something was lost or forbidden.
"""

import signal
import sys
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

from tests.faults.audit import Bounds
from tests.faults.load import QUEUE
from tests.faults.long_run import MEGABYTE, Finding, Memory, main
from tests.faults.scenario import CONCURRENCY, CONNECTIONS, Scenario
from tests.faults.workers import Worker, pause
from tests.integration.broker.test_faults import GARBAGE
from tests.smtp_server import Act, At, Rule

_RATE: Final = 20
_WAVE: Final = 20 * _RATE
_WORKERS: Final = 3
"""One of them is never killed, frozen or replaced: its memory is what has time to grow."""
_SLOW: Final = Rule(At.FINAL, act=Act.DELAY, delay=0.2)
"""Takes each message at once and says so late: there is always something in doubt."""
_RECOVERY: Final = 600.0


class Soak:
    """Load, and one fault after the other.

    Args:
        scenario: The parts.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario, self._random = scenario, scenario.random
        scenario.relay.rules = (_SLOW,)
        self._witness, *self._crew = scenario.start_all(_WORKERS)
        self.memory = Memory()
        self.faults: Counter[str] = Counter()
        self.in_doubt = 0
        """How many sends at most the faults so far left in doubt."""
        self._faults: tuple[Callable[[], None], ...] = (
            *(self.kill_worker, self.stop_worker, self.freeze_worker, self.kill_broker),
            *(self.cut_lines, self.relay_away, self.relay_refuses, self.relay_drops),
            *(self.relay_hangs, self.memory_full, self.garbage, self.told_again, self.quiet),
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
                self.memory.note((self._witness, *self._crew))
                pause(self._random.uniform(0.5, 4.0))
            publishing.done()

    def kill_worker(self) -> None:
        self._replace(Worker.kill)
        self.in_doubt += CONCURRENCY

    def stop_worker(self) -> None:
        self._replace(lambda worker: worker.stop())

    def freeze_worker(self) -> None:
        worker = self._random.choice(self._crew)
        worker.send(signal.SIGSTOP)
        pause(self._random.choice((1.0, 8.0, 20.0)))
        worker.send(signal.SIGCONT)
        self.in_doubt += CONCURRENCY  # beyond its leases it counts as dead

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
        self._scenario.relay.refuse()
        self._drop_all()
        pause(self._random.uniform(1.0, 8.0))
        self._scenario.relay.listen()

    def relay_refuses(self) -> None:
        self._relay_rules(Rule(At.RCPT, "451 4.3.0 later", every=2))

    def relay_drops(self) -> None:
        self._relay_rules(dropping := Rule(At.FINAL, act=Act.TAKE_AND_DROP, every=10))
        self.in_doubt += dropping.applied

    def relay_hangs(self) -> None:
        self._relay_rules(Rule(At.DATA, act=Act.HANG, every=5))
        self._drop_all()  # whatever hangs would do so for minutes

    def garbage(self) -> None:
        _, raw = self._random.choice(list(GARBAGE.values()))
        self._scenario.broker.client.lpush(QUEUE, raw)

    def told_again(self) -> None:
        known = list(self._scenario.accepted.values())
        self._scenario.publish(self._random.sample(known, min(len(known), 20)))

    def quiet(self) -> None:
        pause(3.0)

    def _relay_rules(self, *rules: Rule) -> None:
        self._scenario.relay.rules = (*rules, _SLOW)
        pause(self._random.uniform(1.0, 4.0))
        self._scenario.relay.rules = (_SLOW,)

    def _replace(self, end: Callable[[Worker], object]) -> None:
        end(self._crew.pop(self._random.randrange(len(self._crew))))
        self._crew.append(self._scenario.start().ready())

    def _drop_all(self) -> None:
        self.in_doubt += _WORKERS * CONNECTIONS
        self._scenario.relay.drop_all()


def soak(scenario: Scenario, seconds: float) -> Finding:
    """Break something all the time, for as long."""
    soak = Soak(scenario)
    soak.run(seconds)
    title = f"{seconds / 60:g} minutes of random faults, {_RATE} events/s"
    row = scenario.settle("F37", title, Bounds(soak.in_doubt, _RECOVERY))
    faults = ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in soak.faults.most_common()
    )
    memory = (
        f"Memory of a worker: at most {soak.memory.most / MEGABYTE:.0f} MiB; of the one that was "
        f"never killed: {soak.memory.slope / MEGABYTE:+.1f} MiB/h."
    )
    return Finding(row, (f"{soak.faults.total()} faults: {faults}.", memory))


if __name__ == "__main__":
    sys.exit(main("soak", __doc__, soak))
