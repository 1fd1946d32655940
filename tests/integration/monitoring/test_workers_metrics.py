"""Whoever asks one worker of a machine gets the figures of all, and of the installation."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_raw_event
from tests.integration.monitoring.machine import Machine, a_machine, eventually
from tests.smtp_server import ScriptedRelay

_SKIPPED = {"outcome": "skipped", "reason": "policy_unset"}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path) as running:
        yield running


def events(number: int, **fields: Any) -> list[dict[str, Any]]:
    return [a_raw_event(id=f"e-{index}", **fields) for index in range(number)]


def test_two_workers_are_shown_as_one_machine(machine: Machine) -> None:
    made = machine.command(
        *("token", "create", "--org", "acme", "--role", "ORG_OWNER", "--expires", "1d")
    )
    assert made.returncode == 0, made.stderr
    machine.start("one")
    machine.start("two")
    eventually(lambda: machine.figure("dispatcher_ready") == 2, "both are ready")
    machine.publish(events(300))
    eventually(
        lambda: machine.figure("dispatcher_deliveries_total", **_SKIPPED) == 300, "all counted"
    )

    families = machine.metrics()
    builds = families["dispatcher_build_info"].samples
    assert {each.labels["process"] for each in builds} == {"one", "two"}
    assert machine.figure("dispatcher_accepted_total") == 300
    assert machine.figure("dispatcher_backlog", queue="notifications") == 0
    assert machine.figure("dispatcher_in_flight") == 0
    assert machine.figure("dispatcher_store_up") == 1
    assert machine.figure("dispatcher_dead_letters") == 0
    assert 86_000 < (machine.figure("dispatcher_token_expiry_seconds") or 0) <= 86_400
    assert machine.figure("dispatcher_breaker_open", relay="127.0.0.1:9") == 0


def test_no_label_tells_of_a_person_or_an_organization(machine: Machine) -> None:
    with ScriptedRelay() as relay:
        machine.settings |= {
            "SMTP_URL": f"smtp://127.0.0.1:{relay.port}?tls=none",
            "DEFAULT_PASSWORD_CHANGE": "true",
        }
        machine.start("one")
        machine.publish([*events(3, org_id="secret-org"), {"id": "secret-id", "org_id": 7}])
        eventually(lambda: machine.figure("dispatcher_attempts_total", result="sent") == 3, "sent")
        assert machine.figure("dispatcher_smtp_connections", state="idle") in {1, 2}

    reply = machine.ask("/metrics")
    assert reply is not None
    for told in ("secret", "ada", "example.org", "u-1"):
        assert told not in reply.text
    assert machine.figure("dispatcher_delivery_seconds_count", trigger="password_change") == 3
    assert machine.figure("dispatcher_deliveries_total", outcome="dead", reason="malformed") == 1


def test_another_worker_answers_when_the_one_who_did_has_died(machine: Machine) -> None:
    first = machine.start("one")
    machine.become("/readyz", 200)
    machine.start("two")
    eventually(lambda: machine.figure("dispatcher_ready") == 2, "both are ready")

    first.send_signal(signal.SIGKILL)

    eventually(lambda: machine.status("/healthz") == 200, "the other one answers", within=5.0)
    builds = machine.metrics()["dispatcher_build_info"].samples
    assert [each.labels["process"] for each in builds] == ["two"]


def test_an_address_that_is_taken_keeps_nobody_from_working(machine: Machine) -> None:
    with ScriptedRelay() as other:
        machine.port = other.port
        machine.start("one")
        machine.publish(events(3))
        eventually(lambda: machine.command("health", "--ready").returncode == 0, "it is ready")
        eventually(lambda: machine.broker.queued() == 0, "it works")
    assert machine.log().count("no place for metrics") == 1


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_every_pool_counts_and_is_ready(machine: Machine, pool: str) -> None:
    machine.settings |= {"WORKER_POOL": pool, "CONCURRENCY": "2"}
    machine.start("one")
    machine.become("/readyz", 200)
    machine.publish(events(40))
    eventually(
        lambda: machine.figure("dispatcher_deliveries_total", **_SKIPPED) == 40, "all counted"
    )
    assert machine.figure("dispatcher_canary_seconds") is not None
