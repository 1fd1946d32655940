"""A relay that is away for long, under steady load: ``make outage MINUTES=30``.

Nothing may be lost, sent twice, or burn an attempt; what waited is under way at full speed once
the relay is back; memory stays as it was; and whoever watches the logs is told once.
"""

import sys
from collections import Counter
from time import monotonic
from typing import Final

from dispatcher.delivery import State
from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.long_run import MEGABYTE, Finding, Memory, main
from tests.faults.scenario import Scenario
from tests.faults.workers import Worker, pause

_RATE: Final = 20
"""Events per second."""
_WARM: Final = 2_000
_LOOK: Final = 5.0
_WORKERS: Final = 2
_RECOVERY: Final = 180.0
_GROWTH: Final = 24 * MEGABYTE
_LOUD: Final = ("error", "critical")


def outage(scenario: Scenario, seconds: float) -> Finding:
    """Take the relay away for as long, under load, and watch it being made up for."""
    crew, memory = scenario.start_all(_WORKERS), Memory()
    usual = _usual_rate(scenario)
    before, resident = scenario.relay.accepted, max(worker.resident for worker in crew)
    scenario.relay.refuse()
    scenario.relay.drop_all()
    spent = [worker.processor_seconds for worker in crew]
    publishing = scenario.publishing(int(_RATE * seconds), rate=_RATE)
    while publishing.is_alive():
        memory.note(crew)
        pause(_LOOK)
    publishing.done()
    spent = [worker.processor_seconds - used for worker, used in zip(crew, spent, strict=True)]
    scenario.relay.listen()
    back = monotonic()
    while not scenario.is_quiet() and monotonic() < back + _RECOVERY:
        memory.note(crew)
        pause(1.0)

    title = f"relay away for {seconds / 60:g} minutes, {_RATE} events/s"
    row = scenario.settle("F18", title, Bounds(duplicates=0, recovery=_RECOVERY), back)
    attempts = Counter(one.attempts for one in scenario.deliveries(State.SENT))
    assert set(attempts) == {1}, f"an outage burnt attempts: {attempts}"
    assert memory.most - resident < _GROWTH, f"{memory.most} bytes in use, before {resident}"
    times = sorted(mail.at for mail in scenario.mails())[before:]
    drain = (
        f"Before: {usual:.0f} mails/s. After: {len(times)} mails had waited, and the last went out "
        f"{times[-1] - times[0]:.0f} s after the first; {_most_in_a_second(times)} in the busiest "
        "second."
    )
    used = (
        f"Memory of a worker: {resident / MEGABYTE:.0f} MiB before, at most "
        f"{memory.most / MEGABYTE:.0f} MiB, {memory.slope / MEGABYTE:+.1f} MiB/h; "
        f"{max(spent) / seconds:.1%} of a core while the relay was away."
    )
    return Finding(row, (drain, used, *(_told(worker) for worker in crew)))


def _usual_rate(scenario: Scenario) -> float:
    """Return how many mails per second these workers send when all is well."""
    scenario.publish(scenario.load.events(_WARM, "on"))
    wait_until(scenario.is_quiet, "a warm system", within=60)
    times = sorted(mail.at for mail in scenario.mails())
    return len(times) / (times[-1] - times[0])


def _most_in_a_second(times: list[float]) -> int:
    return max(Counter(int(at) for at in times).values())


def _told(worker: Worker) -> str:
    """Return what a worker's log said; more than one line that calls a person is a failure."""
    levels = Counter(worker.levels())
    loud = sum(levels[level] for level in _LOUD)
    assert loud == len(worker.lines("relay away")) == 1, f"{loud} lines call a person"
    assert len(worker.lines("relay back")) == 1, "and one says that it is over"
    said = ", ".join(f"{count} {level}" for level, count in sorted(levels.items()))
    return f"A worker's log lines by level: {said}; that is 1 'relay away' and 1 'relay back'."


if __name__ == "__main__":
    sys.exit(main("outage", __doc__, outage))
