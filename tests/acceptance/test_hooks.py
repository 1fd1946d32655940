"""``/hooks/{connection}``: from an IAM's signed call to the mail, and a store that stands still."""

import hmac
import json
import os
import signal
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, time

import httpx
import pytest

from tests.acceptance.system import System, an_event, dispatcher, processes_of, up, wait_until

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
SENDERS_PATIENCE = 2.0
"""Seconds: FusionAuth's, the shortest that any sender has."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("hooks") / "var"
    with up(folder, default_password_change="true", encryption_keys=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def url(system: System) -> str:
    return f"{system.api()}/hooks/svix"


@pytest.fixture(scope="module")
def secret(system: System) -> str:
    added = dispatcher(
        *("connection", "add", "svix", "--kind", "standard-webhooks", "--org", "acme", "--json"),
        env=system.env,
    )
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)["secret"]
    assert isinstance(made, str)
    return made


def post(url: str, secret: str, event: dict[str, object]) -> httpx.Response:
    body, signed_at = json.dumps(event).encode(), str(int(time()))
    signed = f"msg-1.{signed_at}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, signed, "sha256")
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": signed_at,
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }
    return httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False)


@contextmanager
def standing_still(system: System) -> Iterator[None]:
    """Let the store stand still."""
    [store] = [pid for pid, line in processes_of(system.folder).items() if "valkey-server" in line]
    os.kill(store, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(store, signal.SIGCONT)


def test_a_signed_call_becomes_a_mail(system: System, url: str, secret: str) -> None:
    event = an_event("hook-1", user={"email": "hook@acme.example"})
    assert post(url, secret, event).status_code == 202
    assert system.settled("hook-1").state == "sent"
    wait_until(lambda: system.mails_to("hook@acme.example"), "the mail is there")


def test_a_sender_is_told_in_time_that_the_store_stands_still(
    system: System, url: str, secret: str
) -> None:
    event = an_event("hook-2", user={"email": "later@acme.example"})
    with standing_still(system):
        for _ in range(5):
            asked = monotonic()
            answer = post(url, secret, event)
            assert monotonic() - asked < SENDERS_PATIENCE
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
    wait_until(lambda: post(url, secret, event).status_code == 202, "it is taken again")
    assert system.settled("hook-2").state == "sent"
    assert len(system.mails_to("later@acme.example")) == 1
