"""The second kind of mail, signed, from a task to an inbox."""

import json
from pathlib import Path
from typing import Any

import dkim

from tests.acceptance.system import an_event, dispatcher, up

OLD, NEW = "ada@example.org", "lovelace@elsewhere.example"


def test_a_changed_address_is_told_to_the_old_one_by_a_signed_mail(tmp_path: Path) -> None:
    pem = str(tmp_path / "key.pem")
    create = ("dkim", "create", "acme.example", "--type", "ed25519", "--out", pem, "--json")
    made = json.loads(dispatcher(*create, env={}).stdout)
    sender = {"mail_from": "Acme <no-reply@acme.example>", "dkim_keys": made["setting"]}
    with up(tmp_path / "var", **sender) as system:
        system.update_policy("acme", {"passwordChange": True})
        event = changed("evt-1")
        system.producer.send_task("dispatcher.event", [event], queue="notifications")
        assert system.settled("evt-1").reason == "policy_off"
        details = system.update_policy("acme", {"emailChange": True})["details"]
        assert details["sequence"] == "2"
        system.producer.send_task("dispatcher.event", [changed("evt-2")], queue="notifications")
        assert system.settled("evt-2").trigger == "email_change"
        system.publish(changed("evt-3"))  # under the other task's name
        assert system.settled("evt-3").trigger == "email_change"
        assert len(system.mails_to(OLD)) == 2
        assert not system.mails_to(NEW)
        for file in system.mail_files():
            content = file.read_bytes()
            assert b"elsewhere" not in content
            assert dkim.verify(_from_own_headers(content), dnsfunc=_zone(made))
        assert "elsewhere" not in system.log()


def changed(event_id: str) -> dict[str, Any]:
    user = {"id": "u-1", "email": NEW, "login_name": NEW, "previous_email": OLD}
    return an_event(event_id, type="iam.user.email_changed.v1", user=user)


def _from_own_headers(content: bytes) -> bytes:
    """Return a mail without what the inbox put in front, as it was on the wire."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines[lines.index(b"DKIM-Signature:") :]


def _zone(made: dict[str, str]) -> Any:
    def answer(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        return made["record"].encode() if name.decode().rstrip(".") == made["name"] else b""

    return answer
