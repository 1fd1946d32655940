"""The stack's API and worker at their whole work: neither lacks a right it needs."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import httpx
import pytest
from celery import Celery

from dispatcher.adapters.store.vault import new_key
from tests.acceptance.stack_services import (
    PATIENCE,
    StackApi,
    command,
    running_api,
    running_worker,
    surroundings,
    until,
)
from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.acceptance.system import an_event, wait_until
from tests.smtp_server import At, Rule, ScriptedRelay

POLICY: Final = "/management/v1/policies/notification"
LONG: Final = 2_000
"""Events that make a queue long enough to be sorted into organizations' lanes."""


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[StackValkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with running(folder, passwords()) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token."""

    client: httpx.Client

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Return what the API answers."""
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def settled(self, event_id: str) -> Any:
        """Return an event's delivery once a worker is through with it."""

        def finished() -> Any:
            found = self.ask("GET", f"/v1/deliveries/{event_id}")["deliveries"][0]
            return found if found["state"] in {"sent", "skipped", "dead"} else None

        return until(finished, f"{event_id} is settled")


@contextmanager
def calling(api: StackApi, worker: Mapping[str, str], org: str) -> Iterator[Caller]:
    """Yield somebody with a token that an operator made in the worker's container."""
    made = ("token", "create", "--org", org, "--role", "ORG_OWNER", "--json")
    bearer = json.loads(command(worker, *made))["token"]
    headers = {"authorization": f"Bearer {bearer}"}
    with httpx.Client(
        base_url=api.url, headers=headers, trust_env=False, timeout=PATIENCE
    ) as client:
        yield Caller(client)


def test_what_the_api_takes_in_a_worker_settles_and_the_api_tells(
    valkey: StackValkey, tmp_path: Path
) -> None:
    refusing = Rule(At.FINAL, "554 5.6.0 not this message", recipient="dead")
    with (
        ScriptedRelay(refusing) as relay,
        running_worker(valkey, tmp_path, smtp_url=_url(relay)) as worker,
        running_api(valkey, tmp_path) as api,
        calling(api, worker, "acme") as acme,
    ):
        acme.ask("PUT", POLICY, {"passwordChange": True})
        assert acme.ask("GET", POLICY)["policy"]["passwordChange"] is True
        assert acme.ask("GET", "/v1/policies/acme/history")["changes"]
        acme.ask("GET", "/v1/policies/acme/dry-run?passwordChange=false")
        events = [an_event(name) for name in ("evt-1", "evt-2", "dead-1", "dead-2")]
        taken = acme.ask("POST", "/v1/events", events, status=202)
        assert taken == {"accepted": 4, "duplicates": 0}
        assert acme.ask("POST", "/v1/events", events[0], status=202)["duplicates"] == 1

        assert acme.settled("evt-1")["state"] == "sent"
        assert acme.settled("dead-1")["state"] == acme.settled("dead-2")["state"] == "dead"
        assert len(acme.ask("GET", "/v1/deliveries")["deliveries"]) == 4
        assert len(acme.ask("GET", "/v1/dead-letters")["dead_letters"]) == 2
        relay.rules = ()
        acme.ask("POST", "/v1/dead-letters/dead-1/resend", {"as_it_was": True})
        assert acme.settled("dead-1")["state"] == "sent"
        acme.ask("DELETE", "/v1/dead-letters/dead-2")
        acme.ask("DELETE", POLICY)

        api.process.terminate()
        assert api.process.wait(timeout=PATIENCE) == 0
        (token,) = json.loads(command(worker, "token", "list", "--json"))
        assert token["lastUsedAt"], "the API notes that a token was used"
    assert valkey.denials() == []


def test_the_api_answers_over_grpc(valkey: StackValkey, tmp_path: Path) -> None:
    with running_api(valkey, tmp_path) as api:
        log = (tmp_path / "api.log").read_text()
        place = log.partition("gRPC at ")[2].partition(";")[0]
        with grpc.insecure_channel(place) as channel:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE)
        assert api.is_healthy()
    assert valkey.denials() == []


def test_an_api_without_its_store_is_not_healthy(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with running(folder, passwords()) as server:
        api = running_api(server, tmp_path)
        answering = api.__enter__()
    try:
        # It asks its store every few seconds, not for every probe.
        wait_until(lambda: not answering.is_healthy(), "it is not healthy")
    finally:
        api.__exit__(*sys.exc_info())


def test_a_worker_has_the_rights_that_all_its_work_needs(
    valkey: StackValkey, tmp_path: Path
) -> None:
    refusing = Rule(At.FINAL, "554 5.6.0 not this message", recipient="dead")
    with ScriptedRelay(refusing) as relay:
        settings = {
            "smtp_url": _url(relay),
            "encryption_keys": new_key(),
            "sender_local_relays": "true",
            "fold_window": "1",
            "default_password_change": "true",
        }
        own = ("sender", "set", "acme", "--mail-from", "Acme <no-reply@acme.example>")
        worker = surroundings("worker", valkey, tmp_path, **settings)
        command(worker, *own, "--relays-file", "-", text=_url(relay))
        command(worker, "suppress", "add", "gone@acme.example", "--org", "acme")
        _publish(valkey, *_a_long_queue(), an_event("gone"), an_event("dead"), *_NO_EVENTS)
        with running_worker(valkey, tmp_path, **settings):
            _until_quiet(valkey)
            stories = {name: _state(worker, name) for name in ("gone", "dead", "evt-0")}
            command(worker, "dead", "resend", "dead", "--org", "acme")
            for listing in ("sender", "suppress", "dead"):
                command(worker, listing, "list")
    assert stories == {"gone": "skipped", "dead": "dead", "evt-0": "sent"}
    assert valkey.denials() == []


def test_the_api_s_own_container_makes_no_tokens(valkey: StackValkey, tmp_path: Path) -> None:
    env = surroundings("api", valkey, tmp_path)
    with pytest.raises(AssertionError, match="NoPermissionError"):
        command(env, "token", "create", "--org", "acme", "--role", "ORG_OWNER")


def _url(relay: ScriptedRelay) -> str:
    return f"smtp://127.0.0.1:{relay.port}?tls=none"


def _a_long_queue() -> Iterator[object]:
    """Yield so many events that they are sorted into lanes; few people, so that they are folded."""
    for number in range(LONG):
        user = {"id": f"u-{number % 7}", "email": f"u{number % 7}@acme.example"}
        yield an_event(f"evt-{number}", f"org-{number % 3}", user=user)


_NO_EVENTS: Final = ({"id": "broken", "org_id": "acme"}, "no event at all")


def _publish(valkey: StackValkey, *events: object) -> None:
    url = valkey.url(f"redis://producer:{passwords()['producer']}@valkey:6379/0")
    with (
        Celery("anybody", broker=url, set_as_current=False) as app,
        app.producer_or_acquire() as producer,
        producer.batch(),
    ):
        for event in events:
            app.send_task(
                "dispatcher.password_changed", [event], queue="notifications", producer=producer
            )


def _state(worker: Mapping[str, str], event_id: str) -> str:
    state = json.loads(command(worker, "why", event_id, "--json"))["deliveries"][0]["state"]
    assert isinstance(state, str)
    return state


def _until_quiet(valkey: StackValkey) -> None:
    with valkey.client("admin") as admin:
        until(
            lambda: not admin.exists("notifications", "notifications:lanes", "unacked", "nd:due"),
            "every event is settled",
        )
