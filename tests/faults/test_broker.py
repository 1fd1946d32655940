"""A broker that dies, fills up and forgets."""

import shutil
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record, needs_root
from tests.faults.disk import fill, small_disk
from tests.faults.scenario import CONCURRENCY, CONNECTIONS, Scenario
from tests.faults.test_workers import LEASE, WAVE, faults, hold_answers
from tests.faults.workers import pause

Open = Callable[[Path], AbstractContextManager[Scenario]]


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=faults)])
@pytest.mark.timeout(200)
def test_f7_a_killed_broker_comes_back_with_everything(
    scenario: Scenario, record: Record, kills: int
) -> None:
    hold_answers(scenario, 0.05)
    scenario.start_all(2)
    for _ in range(kills):
        publishing = scenario.publishing(WAVE, rate=WAVE * 2)
        scenario.relay_has(scenario.relay.accepted + scenario.random.randint(1, 5))
        scenario.broker.kill()
        pause(1.0)
        scenario.broker.start()
        publishing.done()

    bounds = Bounds(duplicates=0, recovery=LEASE + 5)
    record(scenario.settle("F7", f"kill -9 of the broker, {kills} times, AOF always", bounds))


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_f7_what_was_sent_before_a_long_absence_of_the_broker_is_not_sent_again(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.5)
    scenario.start_all(2)
    scenario.publish(scenario.load.events(3 * WAVE, "on"))
    scenario.relay_has(2 * CONNECTIONS)
    scenario.broker.kill()
    pause(2 * LEASE)
    scenario.broker.start()

    bounds = Bounds(duplicates=0, recovery=2 * LEASE)
    record(scenario.settle("F7", f"broker away for {2 * LEASE:.0f} s", bounds))


@pytest.mark.timeout(200)
def test_f8_a_broker_that_dies_with_all_credit_in_use_repeats_nothing(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 1.0)
    scenario.start(concurrency="2").ready()
    scenario.publish(scenario.load.events(12, "on"))
    scenario.relay_has(2)
    scenario.broker.kill()
    pause(3.0)
    scenario.broker.start()

    bounds = Bounds(duplicates=0, recovery=20)
    record(scenario.settle("F8", "broker dead while all credit is in use", bounds))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f9_a_killed_broker_that_syncs_every_second_comes_back_with_everything(
    scenario: Scenario, record: Record
) -> None:
    scenario.broker.client.config_set("appendfsync", "everysec")
    hold_answers(scenario, 0.05)
    scenario.start().ready()
    publishing = scenario.publishing(WAVE * 3, rate=WAVE)
    scenario.relay_has(20)
    scenario.broker.kill()
    pause(1.0)
    scenario.broker.start()
    publishing.done()

    bounds = Bounds(duplicates=0, recovery=15)
    record(scenario.settle("F9", "kill -9 of the broker, AOF everysec", bounds))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f10_a_power_loss_that_takes_the_last_moments_repeats_only_these(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.1)
    worker = scenario.start().ready()
    scenario.publish(WAVE * 2)
    scenario.relay_has(10)
    files, saved = scenario.broker.folder / "appendonlydir", scenario.broker.folder / "saved"
    before = scenario.relay.accepted
    shutil.copytree(files, saved)
    scenario.relay_has(before + 20)
    worker.kill()
    scenario.broker.kill()
    window = scenario.relay.accepted - before
    shutil.rmtree(files)
    saved.rename(files)
    scenario.broker.start()
    scenario.start().ready()

    bounds = Bounds(duplicates=window + CONCURRENCY, recovery=20 + LEASE, counted=False)
    title = "power loss; the disk is at an earlier moment"
    record(scenario.settle("F10", title, bounds, window=f"{window} mails"))


@pytest.mark.timeout(200)
def test_f11_a_torn_end_of_the_append_only_file_mends_itself(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.05)
    worker = scenario.start().ready()
    scenario.publish(WAVE)
    scenario.relay_has(5)
    worker.send(signal.SIGSTOP)
    for _ in range(3):  # what the worker had sent is written before the next answer
        scenario.broker.client.ping()
    scenario.broker.client.set("torn", "x" * 100)
    scenario.broker.kill()
    newest = max((scenario.broker.folder / "appendonlydir").glob("*.aof"), key=lambda f: f.name)
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size - scenario.random.randint(10, 90))
    scenario.broker.start()
    worker.send(signal.SIGCONT)

    bounds = Bounds(duplicates=0, recovery=15)
    row = scenario.settle("F11", "append-only file torn at its end", bounds)
    assert scenario.broker.client.get("torn") is None
    record(row)


@needs_root
@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f12_a_full_disk_is_refused_to_the_producer_and_loses_nothing(
    open_scenario: Open, folder: Path, record: Record
) -> None:
    with small_disk(folder / "d", 24) as disk, open_scenario(disk) as scenario:
        hold_answers(scenario, 0.05)
        scenario.start().ready()
        scenario.publish(WAVE)
        scenario.relay_has(3)
        filler = disk / "filler"
        fill(filler)
        publishing = scenario.publishing(WAVE)
        wait_until(lambda: publishing.refusals > 3, "the producer is told")
        filler.unlink()
        if not scenario.broker_lives:  # with `appendfsync always` it ends rather than promise
            scenario.broker.kill()
            scenario.broker.start()
        publishing.done()

        bounds = Bounds(duplicates=CONCURRENCY, recovery=20)
        record(scenario.settle("F12", "broker's disk full", bounds))
        scenario.end()


@pytest.mark.timeout(200)
def test_f13_a_broker_out_of_memory_refuses_and_loses_nothing(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 0.05)
    scenario.start().ready()
    scenario.publish(WAVE)
    scenario.relay_has(5)
    client = scenario.broker.client
    client.config_set("maxmemory", "1mb")
    publishing = scenario.publishing(WAVE)
    wait_until(lambda: publishing.refusals > 20, "the producer is told")
    client.config_set("maxmemory", "0")
    publishing.done()

    bounds = Bounds(duplicates=0, recovery=LEASE + 10)
    record(scenario.settle("F13", "broker out of memory", bounds))


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_f14_deliveries_under_way_survive_the_loss_of_the_queue(
    scenario: Scenario, record: Record
) -> None:
    hold_answers(scenario, 1.0)
    worker = scenario.start().ready()
    scenario.publish(scenario.load.events(CONCURRENCY - 2, "on"))
    wait_until(lambda: scenario.totals().accepted == CONCURRENCY - 2, "all are claimed")
    worker.kill()
    scenario.broker.client.delete("notifications", "unacked", "unacked_index")
    hold_answers(scenario, 0.0)
    scenario.start().ready()

    bounds = Bounds(duplicates=3 * CONNECTIONS, recovery=LEASE + 10)
    record(scenario.settle("F14", "queue keys deleted, ledger kept, worker killed", bounds))
