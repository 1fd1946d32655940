"""A relay that is away, hangs, refuses, forgets and dawdles."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from dispatcher.delivery import State
from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.scenario import CONNECTIONS, Scenario
from tests.faults.test_workers import WAVE
from tests.faults.workers import Worker, pause
from tests.smtp_server import Act, At, Rule, ScriptedRelay, Traits

MEGABYTE = 2**20
GROWTH = 24 * MEGABYTE
"""What a worker may have more in memory after an outage than before."""

at_length = pytest.mark.faults


@pytest.mark.parametrize("seconds", [8.0, pytest.param(60.0, marks=at_length)])
@pytest.mark.timeout(400)
def test_f18_a_relay_that_is_away_loses_nothing_burns_nothing_and_is_told_once(
    scenario: Scenario, record: Record, seconds: float
) -> None:
    worker = scenario.start().ready()
    scenario.publish(WAVE)
    wait_until(scenario.is_quiet, "a warm worker")
    before, memory = scenario.relay.accepted, worker.resident
    scenario.relay.refuse()
    scenario.relay.drop_all()
    scenario.publishing(int(20 * seconds), rate=20).done()
    most = worker.resident
    scenario.relay.listen()

    # The breaker's pause and the deliveries' own wait, each as long as the outage at most.
    bounds = Bounds(duplicates=0, recovery=2 * min(seconds, 60) + 20)
    row = scenario.settle("F18", f"relay away for {seconds:.0f} s", bounds)
    row.notes["most in one second"] = str(_most_in_a_second(scenario, before))
    _check_alerts([worker])
    assert {one.attempts for one in scenario.deliveries(State.SENT)} == {1}
    assert max(most, worker.resident) - memory < GROWTH
    record(row)


def _most_in_a_second(scenario: Scenario, before: int) -> int:
    times = sorted(mail.at for mail in scenario.mails())[before:]
    return max(Counter(int(at) for at in times).values(), default=0)


def _check_alerts(workers: Sequence[Worker]) -> None:
    """One line when it went, one when it was back, and nothing else that calls a person."""
    for worker in workers:
        assert len(worker.lines("relay away")) == 1
        assert len(worker.lines("relay back")) == 1
        loud = re.findall(r'^.*"level": "(?:error|critical)".*$', worker.log, re.MULTILINE)
        assert len(loud) == 1, loud


@pytest.mark.parametrize(
    ("at", "title"),
    [
        pytest.param(At.GREETING, "greeting", marks=at_length),
        pytest.param(At.EHLO, "EHLO", marks=at_length),
        pytest.param(At.MAIL, "MAIL", marks=at_length),
        (At.RCPT, "RCPT"),
        pytest.param(At.DATA, "DATA", marks=at_length),
        pytest.param(At.FINAL, "the final dot, not taken", marks=at_length),
    ],
)
@pytest.mark.timeout(200)
def test_f19_a_relay_that_hangs_is_given_up_and_tried_again(
    scenario: Scenario, record: Record, at: At, title: str
) -> None:
    scenario.relay.rules = (rule := Rule(at, act=Act.HANG, times=3),)
    scenario.start(app="tests.faults.impatient").ready()
    scenario.publish(WAVE)
    wait_until(lambda: rule.applied, "it hangs")

    bounds = Bounds(duplicates=0, recovery=60)
    record(scenario.settle("F19", f"relay hangs at {title}, 3 times", bounds))


@pytest.mark.timeout(200)
def test_f19_a_relay_that_hangs_after_taking_gets_one_more_copy_of_each(
    scenario: Scenario, record: Record
) -> None:
    hung = Rule(At.FINAL, act=Act.DELAY, delay=60.0, times=3)
    scenario.relay.rules = (hung,)
    scenario.start(app="tests.faults.impatient").ready()
    scenario.publish(WAVE)
    wait_until(lambda: hung.applied == 3, "three hang")

    bounds = Bounds(duplicates=3, recovery=40)
    record(scenario.settle("F19", "relay takes the mail and hangs, 3 times", bounds))


def test_f20_a_relay_that_closes_down_now_and_then_slows_nothing(
    scenario: Scenario, record: Record
) -> None:
    scenario.relay.rules = (Rule(At.MAIL, "421 4.3.2 closing", every=10),)
    scenario.start().ready()
    scenario.publish(WAVE * 5)

    bounds = Bounds(duplicates=0, recovery=20)
    record(scenario.settle("F20", "421 to every 10th MAIL", bounds))


@pytest.mark.parametrize("seconds", [2.0, pytest.param(60.0, marks=at_length)])
@pytest.mark.timeout(400)
def test_f21_a_storm_of_temporary_refusals_passes(
    scenario: Scenario, record: Record, seconds: float
) -> None:
    scenario.relay.rules = (storm := Rule(At.RCPT, "451 4.3.0 later", seconds=seconds),)
    scenario.start().ready()
    scenario.publish(WAVE)
    wait_until(lambda: storm.applied >= WAVE // 3, "the storm is there")
    pause(seconds)

    bounds = Bounds(duplicates=0, recovery=130 if seconds > 30 else 40)
    record(scenario.settle("F21", f"451 to everything for {seconds:.0f} s", bounds))


def test_f22_who_is_refused_for_good_is_dead_and_visible(
    scenario: Scenario, record: Record
) -> None:
    scenario.relay.rules = (Rule(At.RCPT, "550 5.1.1 no such user", recipient="7@"),)
    scenario.start().ready()
    scenario.publish(WAVE * 2)
    gone = sum(
        event["org_id"] == "on" and name.endswith("7") for name, event in scenario.accepted.items()
    )

    bounds = Bounds(duplicates=0, recovery=20, dead=gone)
    row = scenario.settle("F22", "550 to some recipients", bounds)
    assert {one.reason for one in scenario.deliveries(State.DEAD)} <= {"rejected_recipient"}
    record(row)


@pytest.mark.faults
def test_f23_a_password_that_was_changed_at_the_relay_kills_no_delivery(
    scenario: Scenario, record: Record
) -> None:
    traits = Traits(auth=("PLAIN",), users={"nd": "old"})
    rotated = Rule(At.AUTH, "535 5.7.8 not any more", times=4)
    with ScriptedRelay(rotated, traits=traits) as relay:
        scenario.relays.append(relay)
        url = f"smtp://nd:old@127.0.0.1:{relay.port}?tls=none"
        worker = scenario.start(smtp_url=url).ready()
        scenario.publish(WAVE)
        wait_until(lambda: rotated.applied == 4, "the relay refused", within=60)

        bounds = Bounds(duplicates=0, recovery=40)
        record(scenario.settle("F23", "535 to 4 tries to authenticate", bounds))
        _check_alerts([worker])
        scenario.end()


@pytest.mark.parametrize(
    ("act", "title"),
    [
        (Act.TAKE_AND_DROP, "takes every 25th mail and drops the line"),
        (Act.DROP, "drops the line at every 25th final dot"),
    ],
)
def test_f24_a_line_dropped_after_the_final_dot_makes_at_most_one_more_copy(
    scenario: Scenario, record: Record, act: Act, title: str
) -> None:
    scenario.relay.rules = (dropping := Rule(At.FINAL, act=act, every=25),)
    scenario.start().ready()
    scenario.publish(WAVE * 3)
    wait_until(lambda: dropping.applied, "one is dropped")

    taken = act is Act.TAKE_AND_DROP
    bounds = Bounds(duplicates=WAVE if taken else 0, recovery=60)
    row = scenario.settle("F24", f"relay {title}", bounds)
    row.notes["dropped"] = str(dropping.applied)
    assert row.duplicates == (dropping.applied if taken else 0)
    record(row)


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f25_a_relay_that_dawdles_costs_neither_memory_nor_mails(
    scenario: Scenario, record: Record
) -> None:
    with ScriptedRelay(traits=Traits(drip=0.02)) as slow:
        scenario.relays.append(slow)
        both = [f"smtp://127.0.0.1:{port}?tls=none" for port in (slow.port, scenario.relay.port)]
        worker = scenario.start(smtp_url=",".join(both)).ready()
        memory = worker.resident
        scenario.publish(WAVE * 2)

        bounds = Bounds(duplicates=0, recovery=120)
        row = scenario.settle("F25", "relay replies at 50 bytes/s", bounds)
        assert worker.resident - memory < GROWTH
        assert slow.most_at_once <= CONNECTIONS
        record(row)
        scenario.end()
