"""F32: one organization's burst beside another's single events."""

from statistics import quantiles
from time import monotonic
from typing import Final

import pytest

from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.scenario import Scenario
from tests.faults.workers import pause

BURST: Final = 10_000
SINGLES: Final = 20
#: Seconds from publishing a single event to its mail, whatever else waits.
MOST: Final = 1.0


def p95_of_singles(scenario: Scenario) -> float:
    """Publish single events of a quiet organization; return the seconds that 95 % need at most."""
    published = {}
    for _ in range(SINGLES):
        event = scenario.load.event("quiet")
        published[event["user"]["email"]] = monotonic()
        scenario.publish([event])
        pause(0.1)

    def mailed() -> dict[str, float]:
        return {mail.recipients[0]: mail.at for mail in scenario.mails()}

    wait_until(lambda: published.keys() <= mailed().keys(), "all are mailed", within=60)
    arrived = mailed()
    return quantiles([arrived[to] - at for to, at in published.items()], n=20)[-1]


@pytest.mark.timeout(240)
def test_f32_a_burst_of_one_organization_does_not_delay_another_s_event(
    scenario: Scenario, record: Record
) -> None:
    scenario.set_policy("quiet", wanted=True)
    scenario.start().ready()
    idle = p95_of_singles(scenario)
    scenario.publish(scenario.load.events(BURST, "on"))
    busy = p95_of_singles(scenario)
    left = scenario.broker.client.exists("notifications:lanes")

    notes = {"quiet's p95": f"{busy * 1000:.0f} ms", "idle": f"{idle * 1000:.0f} ms"}
    title = f"a burst of {BURST:,} of one organization, another's single events"
    row = scenario.settle("F32", title, Bounds(duplicates=0, recovery=60), **notes)
    assert left, "the burst was still waiting"
    assert busy <= max(2 * idle, MOST), notes
    record(row)
