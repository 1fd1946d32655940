"""kill -9 of a part, or of all, with a thousand events on their way: every one is mailed."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.system import System, an_event, processes_of, up, wait_until

EVENTS = 1000
IN_FLIGHT = 128
"""DISPATCHER_CONCURRENCY's default: what a worker that dies may have handed over unrecorded."""


def _publish_all(system: System) -> None:
    # Several at a time: the broker syncs to disk before it answers.
    with ThreadPoolExecutor(8) as producers:
        list(producers.map(lambda n: system.publish(an_event(f"evt-{n}")), range(EVENTS)))


def _check_all_mailed(system: System) -> None:
    wait_until(lambda: system.totals().sent == EVENTS, "every event is sent", within=60)
    totals = system.totals()
    assert totals.accepted == totals.sent + totals.skipped + totals.dead
    mails = system.mails()
    copies = Counter(str(mail["Message-ID"]) for mail in mails)
    readers = {str(mail["To"].addresses[0].addr_spec) for mail in mails}
    assert readers == {f"evt-{number}@acme.example" for number in range(EVENTS)}
    assert len(copies) == EVENTS
    again = copies.total() - EVENTS
    print(f"mailed twice: {again}")
    assert again <= IN_FLIGHT


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    with up(tmp_path / "var") as system, ThreadPoolExecutor(1) as producer:
        system.update_policy("acme", {"passwordChange": True})
        (worker,) = system.workers()
        publishing = producer.submit(_publish_all, system)
        mailed = wait_until(lambda: len(system.mail_files()), "the first mails are there")
        os.kill(worker, signal.SIGKILL)
        assert mailed < EVENTS, "it was killed amid them"
        publishing.result()
        _check_all_mailed(system)


def test_a_killed_system_goes_on_with_the_same_data(tmp_path: Path) -> None:
    with up(tmp_path / "var") as system:
        system.update_policy("acme", {"passwordChange": True})
        (worker,) = system.workers()
        os.kill(worker, signal.SIGSTOP)
        _publish_all(system)
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: len(system.mail_files()), "the first mails are there")
        system.process.kill()
        system.process.wait()
        assert len(system.mail_files()) < EVENTS, "it was killed amid them"
        with up(tmp_path / "var") as again:
            _check_all_mailed(again)


def test_a_killed_valkey_comes_back_with_all_its_data(tmp_path: Path) -> None:
    with up(tmp_path / "var") as system:
        system.update_policy("acme", {"passwordChange": True})
        _publish_all(system)
        wait_until(lambda: len(system.mail_files()), "the first mails are there")
        (valkey,) = [
            pid for pid, line in processes_of(system.folder).items() if "valkey-server" in line
        ]
        os.kill(valkey, signal.SIGKILL)
        wait_until(lambda: "Valkey serves again" in system.log(), "it is back")
        _check_all_mailed(system)
        assert system.interrupt() == 0, system.log()
