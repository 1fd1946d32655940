"""``dispatcher up``: everything on one machine, used as its own words say."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.acceptance.system import (
    PATIENCE,
    System,
    an_event,
    dispatcher,
    environment,
    processes_of,
    up,
    wait_until,
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with up(tmp_path_factory.mktemp("up") / "var") as running:
        running.update_policy("acme", {"passwordChange": True})
        yield running


def test_the_producer_that_it_shows_works_as_pasted(system: System) -> None:
    script = system.script()
    assert len(script.splitlines()) == 5
    subprocess.run((sys.executable, "-c", script), check=True, timeout=60)
    wait_until(lambda: system.mails_to("ada@acme.example"), "the mail is there", within=3)


def test_the_mail_is_there_within_a_second(system: System) -> None:
    system.publish(an_event("warm"))
    wait_until(lambda: system.mails_to("warm@acme.example"), "the first mail is there")
    published = time.monotonic()
    system.publish(an_event("quick"))
    wait_until(lambda: len(system.mails_to("quick@acme.example")) == 1, "it is there", within=3)
    print(f"from publishing to the file: {time.monotonic() - published:.3f} s")


def test_the_api_answers_where_it_says_over_http_and_grpc(system: System) -> None:
    system.api()
    told = re.search(r"gRPC +(\S+)", system.log())
    assert told is not None
    with grpc.insecure_channel(told[1]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_why_tells_of_a_policy_that_is_off(system: System) -> None:
    system.update_policy("quiet", {"passwordChange": False})
    system.publish(an_event("silent", "quiet"))
    system.settled("silent")
    (told,) = system.ask("why", "silent")["deliveries"]
    assert (told["state"], told["reason"]) == ("skipped", "policy_off")
    words = dispatcher("why", "silent", env=system.env)
    assert words.returncode == 0
    assert "off" in words.stdout
    assert not system.mails_to("silent@quiet.example")


def test_a_second_one_on_the_same_folder_is_refused(system: System) -> None:
    refused = dispatcher("up", env=system.env)
    assert refused.returncode == 2
    assert "already running" in refused.stderr
    assert system.process.poll() is None


def test_a_worker_that_dies_is_started_again(system: System) -> None:
    (before,) = wait_until(system.workers, "there is a worker")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: system.workers() not in ([], [before]), "there is another worker")
    system.publish(an_event("reborn"))
    wait_until(lambda: system.mails_to("reborn@acme.example"), "it works")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_stops_in_order_and_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    with up(tmp_path / "var", "--processes", "2") as system:
        system.update_policy("acme", {"passwordChange": True})
        for count in range(50):
            system.publish(an_event(f"last-{count}"))
        assert system.interrupt(number) == 0, system.log()
        assert processes_of(system.folder) == {}
    with up(tmp_path / "var") as again:
        wait_until(lambda: len(again.mail_files()) >= 50, "all are mailed")
        wait_until(lambda: again.totals().sent == 50, "all are recorded")
        assert len(again.mail_files()) == 50


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"broker_url": "kafka://localhost"}, "DISPATCHER_BROKER_URL"),
        ({"smtp_url": "smtp://localhost:25?tls=none"}, "DISPATCHER_MAIL_FROM"),
        ({"mail_from": "nobody"}, "sender"),
    ],
)
def test_wrong_settings_are_told_at_once(
    settings: dict[str, str], wrong: str, tmp_path: Path
) -> None:
    refused = dispatcher("up", env=environment(tmp_path / "var", **settings))
    assert refused.returncode == 2
    assert wrong in refused.stderr
    assert "Traceback" not in refused.stderr
    assert processes_of(tmp_path / "var") == {}
