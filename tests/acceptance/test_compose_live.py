"""The stack's own commands run against its own Valkey, each as the role it has there."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

import pytest
from celery import Celery

from tests.acceptance.compose import services
from tests.acceptance.stack_services import (
    PATIENCE,
    is_healthy,
    running_worker,
    started,
    surroundings,
    until,
)
from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.builders import a_raw_event


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[StackValkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with running(folder, passwords()) as server:
        yield server


@pytest.fixture
def worker(valkey: StackValkey, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Return the surroundings of a worker that Docker would call healthy."""
    with running_worker(valkey, tmp_path) as found:
        yield found


def _quiet(valkey: StackValkey) -> bool:
    with valkey.client("admin") as admin:
        return not admin.exists("notifications", "policies", "unacked")


@pytest.mark.usefixtures("worker")
def test_a_producer_of_the_stack_sets_a_policy_and_its_event_is_settled(
    valkey: StackValkey,
) -> None:
    url = valkey.url(f"redis://producer:{passwords()['producer']}@valkey:6379/0")
    with Celery("anybody", broker=url, backend=url, set_as_current=False) as app:
        update = app.send_task(
            "dispatcher.update_notification_policy",
            ["acme", {"passwordChange": False}],
            queue="policies",
        )
        answer: dict[str, Any] = update.get(timeout=PATIENCE)
        app.send_task("dispatcher.password_changed", [a_raw_event()], queue="notifications")

    assert answer["details"]["resourceOwner"] == "acme"
    until(lambda: _quiet(valkey), "every event is settled")
    assert valkey.denials() == []


def test_a_worker_that_is_gone_is_not_healthy(valkey: StackValkey, tmp_path: Path) -> None:
    assert not is_healthy("worker", surroundings("worker", valkey, tmp_path), tmp_path)


@pytest.mark.usefixtures("worker")
def test_flower_sees_the_worker_with_a_monitor_s_rights(
    valkey: StackValkey, tmp_path: Path
) -> None:
    page = tmp_path / "flower"
    command = [*services()["flower"]["command"], f"--unix-socket={page}"]
    env = surroundings("flower", valkey, tmp_path)
    user = b64encode(env["FLOWER_BASIC_AUTH"].encode()).decode()

    with started(command, env, tmp_path, log="flower.log") as process:
        until(page.is_socket, "flower listens", process)
        assert _get(page, "/workers?json=1", {})[0] == 401
        until(lambda: _online(page, {"Authorization": f"Basic {user}"}), "flower sees a worker")

    assert valkey.denials() == []


def _online(page: Path, headers: Mapping[str, str]) -> bool:
    status, body = _get(page, "/workers?json=1", headers)
    return status == 200 and any(each["status"] for each in json.loads(body)["data"])


def _get(page: Path, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    connection = HTTPConnection("flower")
    connection.sock = socket(AF_UNIX)
    try:
        connection.sock.connect(str(page))
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
