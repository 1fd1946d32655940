"""The main job through Valkey, producers of any kind, and Celery's own tools."""

import base64
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from tests.acceptance.main_job import CHECKS
from tests.acceptance.system import System, an_event, up, wait_until


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with up(tmp_path_factory.mktemp("main") / "var") as running:
        running.update_policy("acme", {"passwordChange": True})
        yield running


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_main_job(check: Callable[[System], None], system: System) -> None:
    check(system)


def _raw_message(event: dict[str, Any]) -> dict[str, Any]:
    """Return what the README tells producers in other languages to push: Celery's protocol 2."""
    message_id = str(uuid.uuid4())
    body = json.dumps([[event], {}, {}])
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"id": message_id, "task": "dispatcher.password_changed", "lang": "js"},
        "properties": {
            "correlation_id": message_id,
            "delivery_info": {"exchange": "", "routing_key": "notifications"},
            "delivery_mode": 2,
            "delivery_tag": message_id,
            "body_encoding": "base64",
        },
    }


def test_a_message_pushed_by_hand_is_as_good_as_celerys(system: System) -> None:
    socket = system.folder / "valkey" / "valkey.sock"
    with Redis(unix_socket_path=str(socket)) as valkey:
        valkey.lpush("notifications", json.dumps(_raw_message(an_event("by-hand"))))
    assert system.settled("by-hand").state == "sent"
    assert len(system.mails_to("by-hand@acme.example")) == 1


@pytest.mark.parametrize("command", [["inspect", "ping"], ["status"], ["inspect", "active"]])
def test_celerys_own_commands_work(command: list[str], system: System) -> None:
    finished = subprocess.run(
        (sys.executable, "-m", "celery", "-A", "dispatcher", *command),
        env=system.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "worker1@" in finished.stdout


def test_policy_updates_do_not_wait_behind_events(system: System) -> None:
    for number in range(500):
        system.publish(an_event(f"burst-{number}"))
    assert system.update_policy("burst", {"passwordChange": True})["details"]["sequence"] == "1"
    wait_until(lambda: system.totals().open == 0, "the burst is over")
