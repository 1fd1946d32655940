"""Ready is who really consumes; alive is whose loop turns, whatever else is away."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.acceptance import rabbitmq_node
from tests.builders import a_raw_event
from tests.integration.broker.processes import REPOSITORY, stays
from tests.integration.monitoring.machine import Machine, a_machine, eventually

_SOON = 14.0
"""Seconds: a canary's patience, its period, and a moment."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path) as running:
        yield running


def canaries(machine: Machine) -> list[str]:
    with Redis(unix_socket_path=machine.broker.socket) as client:
        return [key.decode() for key in client.keys("dispatcher.canary.*")]


def test_a_worker_that_is_connected_but_does_not_consume_is_not_ready(machine: Machine) -> None:
    machine.start("well")
    machine.become("/readyz", 200)
    unwell = machine.start("unwell", hangs=True)
    eventually(lambda: machine.figure("dispatcher_ready") == 2, "both are ready")

    unwell.send_signal(signal.SIGUSR2)

    machine.become("/readyz", 503, within=_SOON)
    assert machine.reason().startswith("unwell: it is connected but does not consume")
    assert machine.status("/healthz") == 200
    assert machine.figure("dispatcher_ready", process="unwell") == 0
    told = machine.command("health", "--ready", "--json")
    assert told.returncode == 1
    assert {each["process"]: each["ready"] for each in json.loads(told.stdout)["processes"]} == {
        "unwell": False,
        "well": True,
    }
    assert machine.command("health").returncode == 0
    with Redis(unix_socket_path=machine.broker.socket) as client:
        # They do not pile up where nobody takes them.
        assert stays(lambda: all(client.llen(key) <= 1 for key in canaries(machine)), 3.0)
    unwell.send_signal(signal.SIGUSR2)
    machine.become("/readyz", 200, within=_SOON)


def test_that_the_broker_is_away_is_no_reason_to_be_killed(machine: Machine) -> None:
    machine.start("one")
    machine.become("/readyz", 200)

    machine.broker.kill()

    machine.become("/readyz", 503, within=_SOON)
    assert "one: the broker takes no messages" in machine.reason()
    assert machine.status("/healthz") == 200
    assert machine.figure("dispatcher_store_up") == 0
    assert machine.figure("dispatcher_backlog") is None
    machine.broker.start()
    machine.become("/readyz", 200, within=_SOON)


def test_a_worker_without_its_store_is_alive_and_says_what_it_waits_for(machine: Machine) -> None:
    machine.broker.kill()
    machine.start("one")
    machine.become("/healthz", 200)
    assert machine.status("/readyz") == 503
    assert machine.figure("dispatcher_store_up") == 0
    machine.broker.start()
    machine.become("/readyz", 200, within=_SOON)


def test_no_process_is_not_well(machine: Machine) -> None:
    told = machine.command("health")
    assert (told.returncode, told.stdout.split("\n")[-2]) == (1, "no process is there")


def test_a_worker_that_has_stopped_leaves_no_canary_behind(machine: Machine) -> None:
    worker = machine.start("one")
    machine.become("/readyz", 200)
    worker.send_signal(signal.SIGTERM)
    worker.wait(15)
    with Redis(unix_socket_path=machine.broker.socket) as client:
        assert all(0 < client.ttl(key) <= 60 for key in canaries(machine))
    assert machine.status("/healthz") == 0
    assert machine.command("health").returncode == 1


@pytest.mark.rabbitmq
@pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed")
def test_readiness_through_rabbitmq(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "node"
    home.mkdir()
    with rabbitmq_node.PortMapper(home) as mapper, rabbitmq_node.Node(mapper) as node:
        machine.settings["BROKER_URL"] = node.url
        machine.start("one")
        machine.become("/readyz", 200, within=40.0)
        node.kill()
        machine.become("/readyz", 503, within=_SOON)
        assert machine.status("/healthz") == 200
        node.start()
        machine.become("/readyz", 200, within=60.0)


def test_a_worker_that_may_not_send_canaries_works_and_says_so(machine: Machine) -> None:
    """As after an upgrade whose broker still has the rights of the version before."""
    lines = (REPOSITORY / "deploy/valkey/users.acl").read_text().splitlines()
    (rights,) = [line.split()[2:] for line in lines if line.startswith("user worker ")]
    rights = ["on", "nopass", *(each for each in rights if each not in {"off", "resetpass"})]
    before = [each for each in rights if "canary" not in each]
    with Redis(unix_socket_path=machine.broker.socket) as client:
        client.execute_command("ACL", "SETUSER", "worker", *before)
    url = machine.broker.url.replace("redis+socket://", "redis+socket://worker:any@")
    machine.settings |= {"BROKER_URL": url}

    machine.start("one")
    machine.publish([a_raw_event()])

    eventually(lambda: machine.figure("dispatcher_deliveries_total") == 1, "it works")
    machine.become("/readyz", 503)
    eventually(lambda: "takes no messages: NoPermission" in machine.reason(), "it says why")
    assert machine.status("/healthz") == 200


@pytest.mark.rabbitmq
@pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed")
def test_so_does_one_on_rabbitmq(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "node"
    home.mkdir()
    permissions = json.loads((REPOSITORY / "deploy/rabbitmq/permissions.json").read_text())
    (worker,) = [each for each in permissions["permissions"] if each["user"] == "worker"]
    before = [
        worker[kind].replace(r"dispatcher\.canary\..*|", "")
        for kind in ("configure", "write", "read")
    ]
    with rabbitmq_node.PortMapper(home) as mapper, rabbitmq_node.Node(mapper) as node:
        node.control("add_user", "worker", "any")
        node.control("set_permissions", "worker", *before)
        machine.settings["BROKER_URL"] = node.url.replace("guest:guest@", "worker:any@")
        machine.start("one")
        machine.publish([a_raw_event()])
        eventually(lambda: machine.figure("dispatcher_deliveries_total") == 1, "it works", 60.0)
        eventually(lambda: "takes no messages: AccessRefused" in machine.reason(), "it says why")
