"""An organization's own sender, as an operator sets it: by the task, the command line, a worker."""

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from dispatcher.adapters.store.vault import new_key
from tests.acceptance.system import PATIENCE, System, an_event, dispatcher, up, wait_until
from tests.smtp_server import At, Rule, ScriptedRelay


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with up(tmp_path / "var", encryption_keys=new_key(), sender_local_relays="true") as running:
        running.update_policy("acme", {"passwordChange": True})
        running.update_policy("globex", {"passwordChange": True})
        yield running


def test_an_organizations_mail_leaves_over_the_relay_that_the_task_set(system: System) -> None:
    with ScriptedRelay() as acme:
        body = {
            "mailFrom": "Acme <no-reply@acme.example>",
            "relays": f"smtp://127.0.0.1:{acme.port}?tls=none",
        }
        task = system.producer.send_task(
            "dispatcher.update_sender", ["acme", body], queue="policies"
        )
        assert task.get(timeout=PATIENCE)["details"]["resourceOwner"] == "acme"
        shown = system.ask("sender", "get", "acme")["sender"]
        assert (shown["mailFrom"], shown["relays"]) == (body["mailFrom"], body["relays"])
        for org in ("acme", "globex"):
            system.publish(an_event(f"evt-{org}", org))
            system.settled(f"evt-{org}", org_id=org)
        wait_until(lambda: acme.accepted == 1, "the organization's relay has the mail")
        (mail,) = acme.messages
        assert message_from_bytes(mail.content)["From"] == '"Acme" <no-reply@acme.example>'
        assert [to["To"].addresses[0].addr_spec for to in system.mails()] == [
            "evt-globex@globex.example"
        ]
        tried = system.ask("sender", "test", "acme", "--to", "me@acme.example")
        assert tried["healthy"]
        assert acme.accepted == 2


def test_a_relay_that_does_not_work_is_found_out_by_the_test(system: System) -> None:
    with ScriptedRelay(Rule(At.GREETING, "554 5.3.2 closed")) as acme:
        given = f"smtp://127.0.0.1:{acme.port}?tls=none"
        finished = dispatcher("sender", "set", "acme", "--relays", given, env=system.env)
        assert finished.returncode == 0, finished.stderr
        tried = dispatcher("sender", "test", "acme", env=system.env)
        assert tried.returncode == 1
        assert "554" in tried.stdout
