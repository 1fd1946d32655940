"""Events and neighbours that are poison, garbage, too many, out of time or contradictory."""

from pathlib import Path

import pytest

from dispatcher.adapters.broker.quarantine import Quarantine
from dispatcher.delivery import State
from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.load import QUEUE
from tests.faults.scenario import CONCURRENCY, Scenario
from tests.faults.test_workers import LEASE, WAVE, hold_answers
from tests.faults.workers import Worker
from tests.integration.broker.test_faults import GARBAGE

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def test_f26_a_template_that_fails_kills_its_deliveries_only(
    scenario: Scenario, record: Record
) -> None:
    broken = scenario.broker.folder / "templates" / "password_change"
    broken.mkdir(parents=True)
    (broken / "subject.txt").write_text("{% if user %}{{ nothing.of.the.kind }}{% endif %}\n")
    scenario.start(templates_dir=str(broken.parent)).ready()
    scenario.publish(WAVE)
    wanted = sum(event["org_id"] == "on" for event in scenario.accepted.values())

    bounds = Bounds(duplicates=0, recovery=20, dead=wanted)
    row = scenario.settle("F26", "a template that fails", bounds)
    assert {one.reason for one in scenario.deliveries(State.DEAD)} == {"render_error"}
    record(row)


@pytest.mark.faults
@pytest.mark.parametrize("end", ["out of memory", "segmentation fault"])
@pytest.mark.timeout(400)
def test_f26_an_event_that_kills_its_worker_takes_no_other_with_it(
    scenario: Scenario, record: Record, end: str
) -> None:
    worker = scenario.start(app="tests.faults.fragile").ready()
    poison = scenario.load.event("on", user={"email": "p@x.example", "display_name": end})
    others = scenario.load.events(CONCURRENCY - 2, "on")
    hold_answers(scenario, 0.2)
    scenario.publish([*others[:10], poison, *others[10:]])
    deaths = 0
    while _died(scenario, worker):
        deaths += 1
        worker = scenario.start(app="tests.faults.fragile").ready()

    bounds = Bounds(duplicates=5 * CONCURRENCY, recovery=LEASE + 10, dead=1)
    row = scenario.settle(
        "F26", f"an event that kills its worker: {end}", bounds, deaths=str(deaths)
    )
    assert deaths <= 6
    record(row)


def _died(scenario: Scenario, worker: Worker) -> bool:
    """Wait until the worker is dead, or the event that kills it is."""
    over = wait_until(
        lambda: (not worker.alive and "worker") or (scenario.totals().dead and "event"),
        "something dies",
        within=60,
    )
    return bool(over == "worker")


def test_f27_garbage_of_every_kind_is_put_aside_and_delays_nobody(
    scenario: Scenario, record: Record
) -> None:
    worker = scenario.start().ready()
    for _, raw in GARBAGE.values():
        scenario.broker.client.lpush(QUEUE, raw)
    scenario.publish(WAVE)

    bounds = Bounds(duplicates=0, recovery=10)
    row = scenario.settle("F27", f"{len(GARBAGE)} kinds of garbage in the queue", bounds)
    assert len(Quarantine(scenario.broker.client)) == len(GARBAGE)
    assert worker.alive
    record(row)


def test_f28_the_same_event_a_hundred_times_at_once_is_mailed_once(
    scenario: Scenario, record: Record
) -> None:
    scenario.start_all(2)
    event = scenario.load.event("on")
    scenario.publish([event] * 100)
    wait_until(lambda: scenario.totals().accepted == 100, "all came")

    row = scenario.settle("F28", "one event, 100 times at once", Bounds(0, recovery=10))
    assert scenario.relay.accepted == 1
    assert (scenario.totals().reasons or {})["skipped:duplicate"] == 99
    record(row)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.faults
@pytest.mark.parametrize("shift", ["+2h", "-2h"])
@pytest.mark.timeout(200)
def test_f29_a_worker_with_a_wrong_clock_neither_steals_nor_loses(
    scenario: Scenario, record: Record, shift: str
) -> None:
    hold_answers(scenario, 0.2)
    wrong = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    crew = [scenario.start(), scenario.start(variables=wrong)]
    for worker in crew:
        worker.ready()
    publishing = scenario.publishing(WAVE * 4, rate=WAVE / 4)
    scenario.relay_has(20)
    crew[0].kill()
    scenario.start().ready()
    publishing.done()

    bounds = Bounds(duplicates=CONCURRENCY, recovery=LEASE + 10)
    row = scenario.settle("F29", f"one worker's clock {shift}, the other killed", bounds)
    assert crew[1].lines("delivery"), "it worked, too"
    record(row)


@pytest.mark.parametrize("damage", ["nonsense", "another kind of key"])
@pytest.mark.timeout(200)
def test_f30_a_policy_that_cannot_be_read_sends_nothing_and_stops_nobody_else(
    scenario: Scenario, record: Record, damage: str
) -> None:
    client = scenario.broker.client
    if damage == "nonsense":
        client.set("nd:policy:sick", "{}")
    else:
        client.hset("nd:policy:sick", mapping={"on:passwordChange": "1", "created": "x"})
    scenario.start().ready()
    scenario.publish(scenario.load.events(3 * CONCURRENCY, "sick"))
    scenario.publish(scenario.load.events(20, "on"))
    scenario.relay_has(20, within=20)
    assert scenario.relay.accepted == 20
    scenario.set_policy("well", wanted=True)
    client.rename("nd:policy:well", "nd:policy:sick")  # at no time is there none

    bounds = Bounds(duplicates=0, recovery=40)
    row = scenario.settle("F30", f"an organization's policy is {damage}", bounds)
    assert row.sent == row.accepted
    record(row)


def test_f31_a_policy_switched_off_counts_for_what_waits_already(
    scenario: Scenario, record: Record
) -> None:
    scenario.set_policy("flip", wanted=True)
    scenario.publish(scenario.load.events(20, "flip"))
    scenario.set_policy("flip", wanted=False)
    scenario.start().ready()

    row = scenario.settle("F31", "policy off while events wait", Bounds(0, recovery=10))
    assert (row.sent, row.skipped, scenario.relay.accepted) == (0, 20, 0)
    record(row)
