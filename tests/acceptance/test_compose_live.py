"""The stack's own commands run against its own Valkey, each as the role it has there."""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any, Final

import pytest
from celery import Celery

from tests.acceptance.compose import environment, health_command, services, worker_command
from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.builders import a_raw_event

PROGRAMS: Final = Path(sys.executable).parent
PATIENCE: Final = 60.0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[StackValkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with running(folder, passwords()) as server:
        yield server


def _surroundings(service: str, valkey: StackValkey, folder: Path) -> dict[str, str]:
    """Return what the stack gives a service, as it is on this machine."""
    here = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(folder),
        "DISPATCHER_DATA_DIR": str(folder / "var"),
    }
    given = environment(service)
    broker = valkey.url(given.pop("DISPATCHER_BROKER_URL"))
    return given | here | {"DISPATCHER_BROKER_URL": broker}


@contextmanager
def _started(
    command: list[str], surroundings: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / f"{command[3]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=surroundings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    except BaseException as failure:
        failure.add_note(log.read_text())
        raise
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@pytest.fixture
def worker(valkey: StackValkey, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Return the surroundings of a worker that Docker would call healthy."""
    surroundings = _surroundings("worker", valkey, tmp_path)
    with _started(worker_command(), surroundings, tmp_path) as process:
        log = tmp_path / "worker.log"  # asked too early, the health command waits for an answer
        _until(lambda: " ready." in log.read_text(), "the worker is ready", process)
        _until(lambda: _healthy(surroundings, tmp_path), "the worker is healthy", process)
        yield surroundings


def _healthy(surroundings: Mapping[str, str], folder: Path) -> bool:
    asked = subprocess.run(
        ["sh", "-c", health_command()],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    return asked.returncode == 0


def _until(
    condition: Callable[[], bool], wish: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait for *condition*; a *process* that has ended will not fulfil it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, f"ended instead: {wish}"
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {wish}"
        time.sleep(0.05)


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
    _until(lambda: _quiet(valkey), "every event is settled")
    assert valkey.denials() == []


def test_a_worker_that_is_gone_is_not_healthy(valkey: StackValkey, tmp_path: Path) -> None:
    assert not _healthy(_surroundings("worker", valkey, tmp_path), tmp_path)


@pytest.mark.usefixtures("worker")
def test_flower_sees_the_worker_with_a_monitor_s_rights(
    valkey: StackValkey, tmp_path: Path
) -> None:
    page = tmp_path / "flower"
    command = [*services()["flower"]["command"], f"--unix-socket={page}"]
    surroundings = _surroundings("flower", valkey, tmp_path)
    user = b64encode(surroundings["FLOWER_BASIC_AUTH"].encode()).decode()

    with _started(command, surroundings, tmp_path) as process:
        _until(page.is_socket, "flower listens", process)
        assert _get(page, "/workers?json=1", {})[0] == 401
        _until(lambda: _online(page, {"Authorization": f"Basic {user}"}), "flower sees a worker")

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
