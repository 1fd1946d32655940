"""An organization's look, as an operator sets it: by the command line, a folder, the tasks."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import PATIENCE, System, an_event, dispatcher, up
from tests.builders import a_png


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with up(tmp_path / "var") as running:
        running.update_policy("acme", {"passwordChange": True})
        yield running


def test_mails_look_and_sound_as_their_organization_wants(system: System, tmp_path: Path) -> None:
    texts = tmp_path / "texts/acme/password_change"
    texts.mkdir(parents=True)
    (texts / "en.toml").write_text('greeting = "Good day {{ name }},"\n')
    loaded = dispatcher("text", "load", str(tmp_path / "texts"), env=system.env)
    assert loaded.returncode == 0, loaded.stderr
    refused = dispatcher("text", "set", "acme", "en", "--text", "a {{ password }}", env=system.env)
    assert refused.returncode == 2
    assert "text: line 1, column 3: there is no value password" in refused.stderr
    body = {"logo": b64encode(a_png()).decode(), "details": {"ip": False}}
    for task, change in (("branding", body), ("texts", {"language": "en", "title": "Note well"})):
        answer = system.producer.send_task(
            f"dispatcher.update_{task}", ["acme", change], queue="policies"
        ).get(timeout=PATIENCE)
        assert answer["details"]["resourceOwner"] == "acme"
    assert dispatcher("branding", "set", "acme", "--name", "Acme", env=system.env).returncode == 0
    assert system.ask("branding", "get", "acme")["branding"]["name"] == "Acme"
    system.publish(an_event("evt-1", "acme"))
    system.settled("evt-1", org_id="acme")
    (mail,) = system.mails()
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().startswith("Note well")
    assert "Good day " in text.get_content()
    assert "IP address" not in text.get_content()
    assert [part.get_content_type() for part in mail.walk()][-1] == "image/png"
