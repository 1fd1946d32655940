"""``dispatcher api``: processes that answer at one address, kept alive and stopped in order."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.acceptance.system import (
    PATIENCE,
    System,
    an_event,
    dispatcher,
    environment,
    is_ready,
    processes_of,
    up,
    wait_until,
)

POLICY = "/management/v1/policies/notification"


@dataclass(frozen=True, slots=True)
class Api:
    """A running ``dispatcher api``."""

    folder: Path
    env: dict[str, str]
    process: "subprocess.Popen[bytes]"
    url: str

    def processes(self) -> set[int]:
        """Return the ids of the processes that answer."""
        found = processes_of(self.folder).items()
        return {pid for pid, command in found if "dispatcher.web" in command}


@contextmanager
def api(folder: Path, *arguments: str, **settings: str) -> Iterator[Api]:
    """Run ``dispatcher api`` on a data folder, at any free ports."""
    env = environment(folder, http_bind="127.0.0.1:0", grpc_bind="127.0.0.1:0", **settings)
    printed = folder.parent / "api.out"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            (sys.executable, "-m", "dispatcher", "api", *arguments), env=env, stdout=out, stderr=out
        )
    try:
        yield Api(folder, env, process, _url(printed))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=PATIENCE)


def _url(printed: Path) -> str:
    def told() -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", printed.read_text(errors="replace"))
        return found[0] if found else ""

    url: str = wait_until(told, "the API says where it is")
    wait_until(lambda: is_ready(url), "the API is ready")
    return url


def token(env: dict[str, str], *arguments: str) -> str:
    """Return a new token."""
    made = dispatcher("token", "create", *arguments, "--json", env=env)
    assert made.returncode == 0, made.stderr
    text = json.loads(made.stdout)["token"]
    assert isinstance(text, str)
    return text


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api") / "var", "--processes", "2") as found:
        yield found


def test_the_documented_request_works_as_printed(running: Api) -> None:
    bearer = token(running.env, "--org", "acme", "--role", "ORG_OWNER")
    answer = subprocess.run(
        (
            *("curl", "-sS", "-L", "-X", "PUT", f"{running.url}{POLICY}"),
            *("-H", "Content-Type: application/json", "-H", "Accept: application/json"),
            *("-H", f"Authorization: Bearer {bearer}", "-d", '{"passwordChange": true}'),
        ),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    details = json.loads(answer.stdout)["details"]
    assert details["sequence"] == "1"
    assert details["resourceOwner"] == "acme"
    changes = json.loads(dispatcher("policy", "history", "acme", "--json", env=running.env).stdout)
    assert changes["changes"][0]["effect"] == "created"


def test_a_process_that_is_killed_is_started_again(running: Api) -> None:
    before = wait_until(lambda: len(running.processes()) == 2 and running.processes(), "both run")
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: running.processes() - before and len(running.processes()) == 2, "again two")
    wait_until(lambda: is_ready(running.url), "it answers")


def test_a_second_one_at_the_same_address_is_refused(running: Api) -> None:
    bind = running.url.removeprefix("http://")
    refused = dispatcher("api", env=running.env | {"DISPATCHER_HTTP_BIND": bind})
    assert refused.returncode == 2
    assert f"DISPATCHER_HTTP_BIND: cannot listen at {bind}" in refused.stderr


def test_it_stops_in_order(tmp_path: Path) -> None:
    with api(tmp_path / "var") as found:
        found.process.send_signal(signal.SIGTERM)
        assert found.process.wait(timeout=PATIENCE) == 0
        assert not found.processes()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with up(tmp_path_factory.mktemp("up") / "var") as found:
        yield found


def test_up_has_the_api_beside_the_worker(system: System) -> None:
    url = system.api()
    bearer = token(system.env, "--org", "quiet", "--role", "ORG_OWNER")
    reply = httpx.put(
        f"{url}{POLICY}",
        headers={"authorization": f"Bearer {bearer}"},
        content='{"passwordChange": false}',
        trust_env=False,
    )
    assert reply.status_code == 200
    system.publish(an_event("silent", "quiet"))
    assert system.settled("silent").reason == "policy_off"


def test_a_process_started_by_hand_takes_no_share_of_anothers_calls(
    running: Api, tmp_path: Path
) -> None:
    env = environment(tmp_path, http_bind=running.url.removeprefix("http://"))
    alone = subprocess.run(
        (sys.executable, "-m", "dispatcher.web"),
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert alone.returncode == os.EX_CONFIG
    assert "cannot listen at" in alone.stderr
