"""A line to the broker that swallows, breaks and dawdles."""

import pytest

from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.link import Link
from tests.faults.scenario import CONCURRENCY, Scenario
from tests.faults.test_workers import LEASE, WAVE, hold_answers
from tests.faults.workers import pause


@pytest.mark.faults
@pytest.mark.parametrize("seconds", [30.0, 120.0])
@pytest.mark.timeout(400)
def test_f15_a_line_that_swallows_everything_is_given_up_and_taken_up_again(
    scenario: Scenario, record: Record, seconds: float
) -> None:
    hold_answers(scenario, 0.05)
    with Link(scenario.broker.socket) as link:
        url = f"redis+socket://{link.socket}?virtual_host=0"
        worker = scenario.start(broker_url=url).ready()
        publishing = scenario.publishing(WAVE * 5, rate=WAVE)
        scenario.relay_has(20)
        link.swallow()
        pause(seconds)
        link.flow()
        publishing.done()

        bounds = Bounds(duplicates=CONCURRENCY, recovery=2 * LEASE + 10)
        title = f"line to the broker dead for {seconds:.0f} s"
        record(scenario.settle("F15", title, bounds))
        assert worker.alive, "an outage is no reason to end"
        scenario.end()


@pytest.mark.timeout(200)
def test_f16_a_storm_of_cut_connections_leaves_a_worker_that_consumes(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.05)
    scenario.start().ready()
    publishing = scenario.publishing(WAVE * 4, rate=WAVE)
    scenario.relay_has(5)
    for _ in range(5):
        scenario.broker.client.client_kill_filter(_type="normal", skipme=True)
        pause(0.6)
    publishing.done()

    bounds = Bounds(duplicates=0, recovery=15)
    record(scenario.settle("F16", "all connections cut 5 times in 3 s", bounds))


@pytest.mark.faults
@pytest.mark.parametrize("loss", [0.0, 0.02])
@pytest.mark.timeout(300)
def test_f17_a_slow_line_to_the_broker_costs_time_only(
    scenario: Scenario, record: Record, loss: float
) -> None:
    with Link(scenario.broker.socket, delay=0.1, loss=loss, seed=scenario.seed) as link:
        scenario.start(broker_url=f"redis+socket://{link.socket}?virtual_host=0").ready()
        scenario.publish(WAVE * 5)

        bounds = Bounds(duplicates=0, recovery=60)
        title = "200 ms to the broker and back"
        title += f", {loss:.0%} of the packets lost" if loss else ""
        record(scenario.settle("F17", title, bounds))
        scenario.end()
