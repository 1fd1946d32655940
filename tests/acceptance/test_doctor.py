"""``dispatcher doctor`` before a healthy installation, and before each thing that can be wrong."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dispatcher.adapters.standalone.valkey import EmbeddedValkey
from tests.acceptance.system import dispatcher, environment, wait_until
from tests.smtp_server import At, Rule, ScriptedRelay, Traits

SENDER = "Acme <no-reply@acme.example>"


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as relay:
        yield relay


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(tmp_path / "data" / "valkey")
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.stop()


def settings(tmp_path: Path, relay: ScriptedRelay, **changed: str) -> dict[str, str]:
    own = {"smtp_url": f"smtp://127.0.0.1:{relay.port}?tls=none", "mail_from": SENDER}
    return environment(tmp_path / "data", **own | changed)


def examine(env: dict[str, str], *arguments: str, code: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Return the findings by health; the exit code must be *code*."""
    finished = dispatcher("doctor", *arguments, "--json", env=env)
    assert finished.returncode == code, finished.stdout + finished.stderr
    told = json.loads(finished.stdout)
    assert told["healthy"] is (code == 0)
    sorted_out: dict[str, list[dict[str, Any]]] = {}
    for finding in told["findings"]:
        sorted_out.setdefault(finding["health"], []).append(finding)
    return sorted_out


def subjects(findings: list[dict[str, Any]]) -> set[str]:
    return {finding["subject"] for finding in findings}


@pytest.mark.usefixtures("valkey")
def test_all_is_well_where_a_worker_consumes_and_the_relay_takes_mail(
    tmp_path: Path, relay: ScriptedRelay
) -> None:
    env = settings(tmp_path, relay)
    worker = subprocess.Popen(
        (sys.executable, "-m", "dispatcher", "worker"),
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:

        def consumed() -> dict[str, list[dict[str, Any]]] | None:
            found = examine(env, "--send-to", "me@example.org")
            return None if "warn" in found else found

        found = wait_until(consumed, "the worker answers")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=30)
    assert subjects(found["ok"]) >= {
        "settings",
        "store",
        "store persistence",
        "store eviction",
        "broker",
        "queue notifications",
        "queue policies",
        f"relay 127.0.0.1:{relay.port}",
        "test mail",
    }
    assert relay.messages[0].recipients == ("me@example.org",)


@pytest.mark.usefixtures("valkey")
def test_queues_that_nobody_consumes_are_a_warning(tmp_path: Path, relay: ScriptedRelay) -> None:
    found = examine(settings(tmp_path, relay))
    assert subjects(found["warn"]) == {"queue notifications", "queue policies"}
    assert {finding["mend"] for finding in found["warn"]} == {"start one: `dispatcher worker`"}


def test_a_store_that_forgets_or_evicts_is_a_failure(
    tmp_path: Path, relay: ScriptedRelay, valkey: EmbeddedValkey
) -> None:
    with redis.Redis.from_url(valkey.redis_url) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
    found = examine(settings(tmp_path, relay), code=1)
    assert subjects(found["fail"]) == {"store persistence", "store eviction"}


@pytest.mark.usefixtures("valkey")
@pytest.mark.parametrize(
    ("rule", "mend"),
    [
        (Rule(At.GREETING, "554 5.7.1 go away"), "its log says why"),
        (Rule(At.EHLO, "550 5.7.1 who are you"), "?ehlo="),
    ],
)
def test_a_relay_that_does_not_want_us_is_a_failure_with_its_own_words(
    tmp_path: Path, relay: ScriptedRelay, rule: Rule, mend: str
) -> None:
    relay.rules = (rule,)
    (failure,) = examine(settings(tmp_path, relay), code=1)["fail"]
    assert failure["subject"] == f"relay 127.0.0.1:{relay.port}"
    assert "5.7.1" in failure["found"]
    assert mend in failure["mend"]


@pytest.mark.usefixtures("valkey")
def test_a_relay_without_pipelining_is_a_warning(tmp_path: Path) -> None:
    with ScriptedRelay(traits=Traits(pipelining=False)) as slow:
        found = examine(settings(tmp_path, slow))
    assert f"relay 127.0.0.1:{slow.port}" in subjects(found["warn"])


@pytest.mark.usefixtures("valkey")
def test_a_refused_test_mail_is_a_failure_that_shows_no_address(
    tmp_path: Path, relay: ScriptedRelay
) -> None:
    relay.rules = (Rule(At.RCPT, "550 5.1.1 <me@example.org> unknown"),)
    (failure,) = examine(settings(tmp_path, relay), "--send-to", "me@example.org", code=1)["fail"]
    assert failure["subject"] == "test mail"
    assert "me@example.org" not in failure["found"]


def test_every_wrong_setting_is_a_failure(tmp_path: Path, relay: ScriptedRelay) -> None:
    found = examine(settings(tmp_path, relay, concurrency="many", max_age="-1"), code=1)
    assert len(found["fail"]) == 2


def test_a_test_mail_goes_to_one_address_only(tmp_path: Path, relay: ScriptedRelay) -> None:
    told = dispatcher("doctor", "--send-to", "a@x.org, b@x.org", env=settings(tmp_path, relay))
    assert told.returncode == 2
    assert "--send-to" in told.stderr


@pytest.mark.usefixtures("valkey")
def test_senders_that_cannot_be_decrypted_are_a_failure_that_names_them(
    tmp_path: Path, relay: ScriptedRelay
) -> None:
    ours = settings(tmp_path, relay, encryption_keys="k" * 43, sender_local_relays="true")
    url = f"smtp://127.0.0.1:{relay.port}?tls=none"
    told = dispatcher("sender", "set", "globex", "--relays", url, env=ours)
    assert told.returncode == 0, told.stderr
    assert "senders" in subjects(examine(ours)["ok"])
    lost = settings(tmp_path, relay, encryption_keys="n" * 43)
    (failure,) = examine(lost, code=1)["fail"]
    assert failure["subject"] == "senders"
    assert "globex" in failure["found"]
    assert "DISPATCHER_ENCRYPTION_KEYS" in failure["mend"]
