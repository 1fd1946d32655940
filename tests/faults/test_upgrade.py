"""F38: an upgrade and a rollback under load, two versions side by side on one queue and ledger."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from dispatcher.access import Role
from dispatcher.delivery import State
from tests.acceptance.system import environment, is_ready, wait_until
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.scenario import Scenario
from tests.faults.workers import ROOT, Worker
from tests.smtp_server import At, Rule

VERSIONS: Final = {"0.1.0 of 24 November": "f62b1b7"}
"""What may have to work beside this version: each release adds its commit, newest first."""
EVENTS: Final = 2_000
RATE: Final = 100.0
"""Events per second: they come in for as long as the upgrade and the rollback last."""
PUT_OFF: Final = 60
"""Mails that the relay puts off before each change: their retries cross between versions."""


def _checked_out(commit: str, folder: Path) -> Path:
    """Return a folder with that version's code."""
    packed = subprocess.run(
        ["git", "archive", commit, "dispatcher", "templates"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if packed.returncode:
        pytest.skip(f"version {commit} is not in this clone: {packed.stderr.decode()}")
    subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True, timeout=60)
    found = subprocess.run(
        [sys.executable, "-c", "import dispatcher; print(dispatcher.__file__)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert Path(found.stdout.strip()) == folder / "dispatcher/__init__.py"
    return folder


@pytest.fixture
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return where an older version's code is."""
    return _checked_out(VERSIONS[request.param], tmp_path)


def _put_off(scenario: Scenario) -> None:
    """Have the version at work leave retries to the next one."""
    scenario.relay.rules = (rule := Rule(At.RCPT, "451 4.3.0 later", times=PUT_OFF),)
    wait_until(lambda: rule.applied == PUT_OFF, "mails are put off")
    assert scenario.deliveries(State.DEFERRED)


def _replace(scenario: Scenario, crew: list[Worker], root: Path) -> list[Worker]:
    """Replace workers one after the other: each new one works before an old one is stopped."""
    replaced = []
    for old in crew:
        replaced.append(scenario.start(root=root).ready())
        had = scenario.relay.accepted
        scenario.relay_has(had + 1)
        assert old.stop() == 0, old.log
    return replaced


@pytest.mark.parametrize(
    ("older", "since"),
    [
        pytest.param(name, name, marks=[] if n == 0 else pytest.mark.faults)
        for n, name in enumerate(VERSIONS)
    ],
    indirect=["older"],
    ids=VERSIONS.values(),
)
@pytest.mark.timeout(240)
def test_f38_an_upgrade_and_a_rollback_under_load_lose_nothing_and_send_nothing_twice(
    scenario: Scenario, record: Record, older: Path, since: str
) -> None:
    crew = [worker.ready() for worker in [scenario.start(root=older) for _ in range(2)]]
    load = scenario.publishing(EVENTS, rate=RATE)

    _put_off(scenario)
    crew = _replace(scenario, crew, ROOT)
    _put_off(scenario)
    _replace(scenario, crew, older)

    assert load.is_alive(), "the rollback is over before the load is"
    load.done()
    title = f"upgrade from {since}, two workers one by one, and back"
    bounds = Bounds(duplicates=0, recovery=60)
    record(scenario.settle("F38", title, bounds, retries=f"{2 * PUT_OFF}"))


POLICY: Final = "/management/v1/policies/notification"


@contextmanager
def _api(scenario: Scenario, root: Path, token: str, folder: Path) -> Iterator[httpx.Client]:
    """Yield somebody with that token who calls an API of that version."""
    folder.mkdir()
    places = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
    log = folder / "api.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            (sys.executable, "-m", "dispatcher", "api"),
            cwd=root,
            env=environment(folder, **scenario.settings, **places),
            stdout=said,
            stderr=said,
        )

    def listens() -> str:
        assert process.poll() is None, log.read_text()
        found = re.search(r"HTTP at (http://127\.0\.0\.1:\d+)", log.read_text())
        return found[1] if found else ""

    try:
        url = wait_until(listens, "the API says where it is")
        wait_until(lambda: is_ready(url), "the API is ready")
        bearer = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=bearer, trust_env=False, timeout=30) as client:
            yield client
    finally:
        process.terminate()
        process.wait(40)


def _is_on(client: httpx.Client) -> bool:
    wanted: bool = client.get(POLICY).raise_for_status().json()["policy"]["passwordChange"]
    return wanted


def _accepted(client: httpx.Client, event: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = client.post("/v1/events", json=event).raise_for_status().json()
    return counts


@pytest.mark.parametrize("older", VERSIONS, indirect=True, ids=VERSIONS.values())
@pytest.mark.timeout(240)
def test_f38_two_versions_of_the_api_take_in_each_event_once_and_read_each_other_s_policies(
    scenario: Scenario, folder: Path, older: Path
) -> None:
    issued = scenario.look(
        lambda store: store.tokens.issue(org_id="on", roles=[Role.ORG_OWNER], name="both")
    )
    events = scenario.load.events(4, "on")
    with (
        _api(scenario, older, issued.text, folder / "old") as before,
        _api(scenario, ROOT, issued.text, folder / "new") as after,
    ):
        for writer, reader in ((before, after), (after, before)):
            for wanted in (False, True):
                writer.put(POLICY, json={"passwordChange": wanted}).raise_for_status()
                assert _is_on(reader) is wanted
        for number, event in enumerate(events):
            first, second = (before, after) if number % 2 else (after, before)
            assert _accepted(first, event) == {"accepted": 1, "duplicates": 0}
            assert _accepted(second, event) == {"accepted": 0, "duplicates": 1}
            scenario.accepted[event["id"]] = event
    scenario.start(root=older).ready()

    wait_until(lambda: scenario.relay.accepted == len(events), "each is mailed")
    scenario.end()
    assert scenario.relay.accepted == len(events)
    assert {one.state for one in scenario.deliveries()} == {State.SENT}
