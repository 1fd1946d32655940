"""Events over HTTP while what takes them in, and what keeps them, is killed."""

import os
import signal
import threading
from collections.abc import Iterable
from functools import partial
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from dispatcher.access import Role
from tests.acceptance.system import wait_until
from tests.acceptance.test_api import Api, api
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.scenario import Scenario
from tests.faults.test_workers import WAVE, hold_answers
from tests.faults.workers import pause

_CALLERS = 4
_PUBLISHED_BY = 15.0
"""Seconds after which a worker brings up what was taken in and not published."""


class Caller(threading.Thread):
    """Brings events one by one, each until it is told that it is durable.

    Args:
        url: Where to.
        token: By whose right.
        events: What.
        accepted: Takes note of each event that was answered with 202.
    """

    def __init__(
        self,
        url: str,
        token: str,
        events: Iterable[dict[str, Any]],
        accepted: dict[str, dict[str, Any]],
    ) -> None:
        super().__init__(name="caller", daemon=True)
        self._url, self._events, self._accepted = f"{url}/v1/events", events, accepted
        self._headers = {"authorization": f"Bearer {token}"}
        self.is_through = False

    def run(self) -> None:
        with httpx.Client(headers=self._headers, trust_env=False, timeout=5.0) as client:
            for event in self._events:
                deadline = monotonic() + 60
                while not self._is_taken(client, event):
                    if monotonic() > deadline:
                        return
                    sleep(0.05)
                self._accepted[event["id"]] = event
        self.is_through = True

    def _is_taken(self, client: httpx.Client, event: dict[str, Any]) -> bool:
        try:
            return client.post(self._url, json=event).status_code == 202
        except httpx.TransportError:
            return False


def has_taken(scenario: Scenario, some: int) -> bool:
    return len(scenario.accepted) >= some


def kill_api(running: Api) -> None:
    """Kill the process that answers; another takes its place."""
    [process] = running.processes()
    os.kill(process, signal.SIGKILL)


def kill_store(scenario: Scenario) -> None:
    """Kill Valkey, which comes back a second later."""
    scenario.broker.kill()
    pause(1.0)
    scenario.broker.start()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.faults)])
def test_f39_what_was_answered_with_202_survives_the_api_and_the_store(
    scenario: Scenario, record: Record, kills: int
) -> None:
    hold_answers(scenario, 0.05)
    scenario.start_all(2)
    roles = {Role.IAM_EVENT_PUBLISHER}
    token = scenario.look(lambda store: store.tokens.issue(org_id="", roles=roles)).text
    url = f"redis+socket://{scenario.broker.socket}?virtual_host=0"
    with api(scenario.broker.folder / "api", broker_url=url) as running:
        for kill in (partial(kill_api, running), partial(kill_store, scenario)) * kills:
            events = scenario.load.events(WAVE)
            some = len(scenario.accepted) + scenario.random.randint(1, WAVE // 2)
            callers = [
                Caller(running.url, token, events[number::_CALLERS], scenario.accepted)
                for number in range(_CALLERS)
            ]
            for caller in callers:
                caller.start()
            wait_until(partial(has_taken, scenario, some), "some are taken")
            kill()
            for caller in callers:
                caller.join()
            assert all(caller.is_through for caller in callers)

        bounds = Bounds(duplicates=0, recovery=_PUBLISHED_BY + 20)
        title = f"kill -9 of the API and of its store in turn, {kills} times each"
        record(scenario.settle("F39", title, bounds))
        scenario.end()
