"""Workers that die, stop, freeze and starve, amid their work."""

import os
import resource
import signal

import pytest

from dispatcher.delivery import State
from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.scenario import CONCURRENCY, CONNECTIONS, Scenario
from tests.faults.workers import Worker, pause
from tests.smtp_server import Act, At, Rule

LEASE = 15.0
"""Seconds until what a dead worker held is taken up again (docs/decisions/0005, 0008)."""
WAVE = 60

faults = [pytest.mark.faults, pytest.mark.timeout(600)]


def hold_answers(scenario: Scenario, seconds: float) -> None:
    """Have the relay take each message at once, and say so late: the window of doubt."""
    scenario.relay.rules = (Rule(At.FINAL, act=Act.DELAY, delay=seconds),)


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.timeout(200)),
        pytest.param(10, marks=faults),
        pytest.param(20, marks=faults),
    ],
)
def test_f1_workers_killed_amid_their_work_lose_nothing(
    scenario: Scenario, record: Record, kills: int
) -> None:
    hold_answers(scenario, 0.1)
    crew = scenario.start_all(2)
    for _ in range(kills):
        had = scenario.relay.accepted
        scenario.publish(WAVE)
        scenario.relay_has(had + scenario.random.randint(3, WAVE // 3))
        victim = crew.pop(scenario.random.randrange(len(crew)))
        victim.kill()
        crew.append(scenario.start().ready())

    bounds = Bounds(duplicates=kills * CONCURRENCY, recovery=LEASE + 10)
    record(scenario.settle("F1", f"kill -9 of a worker, {kills} times", bounds))


@pytest.mark.parametrize("pool", ["solo", "threads"])
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f2_whoever_insists_on_another_pool_loses_nothing_either(
    scenario: Scenario, record: Record, pool: str
) -> None:
    hold_answers(scenario, 0.1)
    scenario.start(f"-P {pool} -c 4").ready()
    scenario.publish(WAVE)
    scenario.relay_has(5)
    scenario.workers[0].kill()
    scenario.start(f"-P {pool} -c 4").ready()

    bounds = Bounds(duplicates=4, recovery=LEASE + 15)
    record(scenario.settle("F2", f"kill -9 under -P {pool}", bounds))


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f2_a_killed_child_of_a_prefork_pool_is_replaced_and_its_event_told_again(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.1)
    worker = scenario.start("-c 4", worker_pool="prefork").ready()
    scenario.publish(WAVE)
    for kill in range(1, 4):
        scenario.relay_has(kill * 5)
        os.kill(scenario.random.choice(worker.children()), signal.SIGKILL)

    bounds = Bounds(duplicates=3, recovery=LEASE + 15)
    record(scenario.settle("F2", "kill -9 of a child under prefork, 3 times", bounds))
    assert worker.alive


@pytest.mark.timeout(200)
def test_f3_a_worker_frozen_while_waiting_and_killed_takes_nothing_with_it(
    scenario: Scenario, record: Record
) -> None:
    worker = scenario.start().ready()
    worker.send(signal.SIGSTOP)
    scenario.publish(20)
    worker.kill()
    scenario.start().ready()

    bounds = Bounds(duplicates=0, recovery=LEASE + 10)
    record(scenario.settle("F3", "frozen while waiting, then kill -9", bounds))


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=faults)])
@pytest.mark.timeout(200)
def test_f4_deployments_under_load_send_nothing_twice(
    scenario: Scenario, record: Record, times: int
) -> None:
    hold_answers(scenario, 0.05)
    crew = scenario.start_all(2)
    publishing = scenario.publishing(times * WAVE, rate=WAVE / 3)
    for _ in range(times):
        crew.append(scenario.start().ready())
        assert crew.pop(0).stop() == 0
    publishing.done()

    bounds = Bounds(duplicates=0, recovery=40)
    record(scenario.settle("F4", f"SIGTERM under load, {times} times", bounds))


@pytest.mark.timeout(200)
def test_f5_a_worker_stopped_while_a_message_reaches_it_hands_it_back(
    scenario: Scenario, record: Record
) -> None:
    worker = scenario.start().ready()
    worker.send(signal.SIGSTOP)
    scenario.publish(40)
    worker.send(signal.SIGTERM)
    worker.send(signal.SIGCONT)
    assert worker.process.wait(40) == 0
    scenario.start().ready()

    bounds = Bounds(duplicates=0, recovery=10)
    record(scenario.settle("F5", "SIGTERM as messages arrive", bounds))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f6_a_worker_frozen_for_longer_than_its_leases_overwrites_nothing(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.2)
    sleeper = scenario.start().ready()
    scenario.publish(WAVE)
    scenario.relay_has(CONNECTIONS)
    sleeper.send(signal.SIGSTOP)
    scenario.start().ready()
    pause(2 * LEASE)
    sleeper.send(signal.SIGCONT)

    bounds = Bounds(duplicates=CONCURRENCY, recovery=LEASE + 10)
    row = scenario.settle("F6", "frozen for two leases, then awake", bounds)
    scenario.publish(20)
    wait_until(scenario.is_quiet, "the sleeper works on")
    assert sleeper.alive
    record(row)


@pytest.mark.timeout(200)
def test_f33_a_worker_without_file_descriptors_recovers_when_it_gets_some(
    scenario: Scenario, record: Record
) -> None:
    worker = scenario.start().ready()
    pid = worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    scenario.publish(WAVE)
    pause(3.0)
    if worker.alive:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    if not worker.alive or worker.lines("Too many open files. Aborting..."):
        worker.process.wait(60)  # Celery ends a worker that cannot listen; it is started again
        scenario.start().ready()

    bounds = Bounds(duplicates=CONCURRENCY, recovery=LEASE + 10)
    record(scenario.settle("F33", "no file descriptor left", bounds))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f33_a_worker_with_few_file_descriptors_makes_do(
    scenario: Scenario, record: Record
) -> None:
    worker = scenario.start()
    resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    worker.ready()
    scenario.publish(WAVE * 5)

    bounds = Bounds(duplicates=0, recovery=LEASE)
    record(scenario.settle("F33", "ulimit -n 64", bounds))
    assert worker.alive


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f36_retries_moved_by_several_workers_at_once_are_sent_once(
    scenario: Scenario, record: Record
) -> None:
    scenario.relay.rules = (Rule(At.MAIL, "451 4.3.0 later", seconds=2.0),)
    scenario.start_all(3)
    scenario.publish(scenario.load.events(300, "on"))
    wait_until(lambda: scenario.relay.rules[0].occasions >= 300, "all were put off")

    bounds = Bounds(duplicates=0, recovery=40)
    record(scenario.settle("F36", "three workers move the same retries", bounds))


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f36_a_worker_killed_while_it_moves_retries_delays_them_only(
    scenario: Scenario, record: Record
) -> None:
    scenario.relay.rules = (Rule(At.MAIL, "451 4.3.0 later", times=400),)
    mover = scenario.start().ready()
    scenario.publish(scenario.load.events(400, "on"))
    wait_until(lambda: scenario.relay.rules[0].applied >= 400, "all were put off")
    _kill_amid_moving(scenario, mover)
    scenario.start().ready()

    bounds = Bounds(duplicates=0, recovery=LEASE + 30)
    record(scenario.settle("F36", "kill -9 while moving retries", bounds))


def _kill_amid_moving(scenario: Scenario, mover: Worker) -> None:
    """Kill it when the first retries are back on the queue, and others not yet."""

    def moving() -> bool:
        return bool(scenario.deliveries(State.QUEUED))

    wait_until(lambda: len(scenario.deliveries(State.DEFERRED)) == 400, "all wait")
    wait_until(moving, "retries are moved")
    mover.kill()
