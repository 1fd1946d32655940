"""Connections as an operator sets them up: by commands, by a file, with keys that are replaced."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from dispatcher.adapters.standalone.valkey import EmbeddedValkey
from dispatcher.adapters.store.vault import new_key
from tests.acceptance.system import an_event, dispatcher, environment, up

OLD, NEW = new_key(), new_key()
ADD = ("connection", "add", "svix", "--kind", "standard-webhooks", "--org", "acme")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a data folder whose Valkey runs."""
    valkey = EmbeddedValkey(tmp_path / "data" / "valkey")
    valkey.start()
    try:
        yield tmp_path / "data"
    finally:
        valkey.stop()


def answer(*arguments: str, env: dict[str, str], code: int = 0) -> Any:
    """Return the document that a command prints, ending with that code."""
    finished = dispatcher(*arguments, "--json", env=env)
    assert finished.returncode == code, finished.stdout + finished.stderr
    return json.loads(finished.stdout)


def test_without_a_key_it_is_said_how_to_make_one(folder: Path) -> None:
    refused = dispatcher(*ADD, env=environment(folder))
    assert refused.returncode == 2
    assert "DISPATCHER_ENCRYPTION_KEYS" in refused.stderr
    assert "dispatcher key create" in refused.stderr
    assert answer("connection", "list", env=environment(folder)) == {"connections": []}


def test_a_key_is_replaced_and_doctor_names_whose_secrets_it_cannot_read(folder: Path) -> None:
    secret = answer(*ADD, env=environment(folder, encryption_keys=OLD))["secret"]
    both = environment(folder, encryption_keys=f"{NEW},{OLD}")
    ours = environment(folder, encryption_keys=NEW)
    (lost,) = answer("connection", "list", env=ours)["connections"]
    assert lost == {"name": "svix", "unreadable": True}
    assert "connection svix" in _failed(ours)
    assert answer("key", "rotate", env=both) == {"resealed": 1}
    assert "connection svix" not in _failed(ours)
    rotated = answer("connection", "rotate", "svix", env=ours)
    assert len(rotated["connection"]["secrets"]) == 2
    assert rotated["secret"] != secret
    left = answer("connection", "rotate", "svix", "--drop-old", env=ours)
    assert len(left["connection"]["secrets"]) == 1


def test_what_the_file_says_is_there_without_a_command_and_changed_by_none(folder: Path) -> None:
    file = folder / "connections.toml"
    file.write_text(
        '[[connection]]\nname = "svix"\nkind = "standard-webhooks"\n'
        'organizations = ["acme"]\nsecret_file = "svix.secret"\n'
    )
    (folder / "svix.secret").write_text("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    ours = environment(folder, connections_file=str(file))
    assert answer("connection", "show", "svix", env=ours)["isFixed"]
    for change in (ADD, ("connection", "rotate", "svix"), ("connection", "remove", "svix", "-y")):
        refused = dispatcher(*change, env=ours)
        assert refused.returncode == 2
        assert "DISPATCHER_CONNECTIONS_FILE" in refused.stderr


def test_mistakes_in_the_file_stop_what_works_with_it_and_nothing_else(folder: Path) -> None:
    file = folder / "connections.toml"
    file.write_text('[[connection]]\nname = "A"\nkind = "nonsense"\n')
    ours = environment(folder, connections_file=str(file))
    for command in (("api", "--processes", "1"), ("connection", "list")):
        refused = dispatcher(*command, env=ours)
        assert refused.returncode == 2, refused.stderr
        assert "connection A: the name" in refused.stderr
        assert "connection A: the kind" in refused.stderr
    assert dispatcher("policy", "set", "acme", "on", env=ours).returncode == 0


def test_an_iam_that_was_connected_is_tried_and_then_heard(tmp_path: Path) -> None:
    with up(tmp_path / "var", encryption_keys=NEW) as system:
        api = system.api().rstrip("/")
        system.update_policy("acme", {"passwordChange": True})
        added = answer(*ADD, env=system.env)
        tried = answer("connection", "test", "svix", "--url", api, env=system.env)
        assert tried["healthy"]
        assert {"unproven call", "proven call", "clock"} <= {
            each["subject"] for each in tried["findings"] if each["health"] == "ok"
        }
        assert system.totals().accepted == 0, "nobody is no delivery"

        event = json.dumps(an_event("evt-1", "acme"))
        now = datetime.now(UTC)
        signature = Webhook(added["secret"]).sign("msg-1", now, event)
        told = httpx.post(
            f"{api}{added['connection']['address']}",
            content=event,
            headers={
                "webhook-id": "msg-1",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signature,
            },
            trust_env=False,
        )
        assert told.status_code == 202
        system.settled("evt-1", org_id="acme")
        assert len(system.mails()) == 1

        answer("connection", "remove", "svix", "--yes", env=system.env)
        gone = httpx.post(f"{api}/hooks/svix", content=event, trust_env=False)
        assert gone.status_code == 404


def _failed(env: dict[str, str]) -> set[str]:
    findings = answer("doctor", env=env, code=1)["findings"]
    return {each["subject"] for each in findings if each["health"] == "fail"}
