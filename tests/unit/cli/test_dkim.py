"""``dispatcher dkim`` and the switches of ``dispatcher policy``, as a person types them."""

import json
import stat
from pathlib import Path

import pytest

from dispatcher.adapters.mail.dkim_keys import DkimKeys
from dispatcher.cli.failures import ExitCode
from tests.unit.cli.installation import Run


def test_a_key_is_made_and_its_record_and_setting_are_printed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    answer = run("dkim", "create", "Acme.Example", "--selector", "nd1", "--out", str(path))
    assert answer.code == ExitCode.OK
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "nd1._domainkey.acme.example. IN TXT" in answer.out
    setting = f"acme.example:nd1={path}"
    assert f"DISPATCHER_DKIM_KEYS={setting}" in answer.out
    [key] = DkimKeys.read(setting).keys
    assert key.record.removeprefix("v=DKIM1; k=rsa; p=")[:100] in answer.out


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_programs_get_the_record_whole(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key.pem"
    answer = run("dkim", "create", "acme.example", "--type", kind, "--out", str(path), "--json")
    said = json.loads(answer.out)
    [key] = DkimKeys.read(said["setting"]).keys
    assert (said["name"], said["record"]) == (key.name, key.record)


def test_a_key_in_use_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("a key")
    answer = run("dkim", "create", "acme.example", "--out", str(path))
    assert answer.code == ExitCode.USAGE
    assert path.read_text() == "a key"


def test_a_domain_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    answer = run("dkim", "create", "acme/../example", "--out", str(path))
    assert answer.code == ExitCode.USAGE
    assert not path.exists()


def test_the_records_of_the_settings_keys_can_be_shown_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.pem"
    made = run("dkim", "create", "acme.example", "--out", str(path), "--json")
    said = json.loads(made.out)
    monkeypatch.setenv("DISPATCHER_DKIM_KEYS", said["setting"])
    shown = json.loads(run("dkim", "show", "--json").out)
    assert shown == {"records": [{"name": said["name"], "record": said["record"]}]}
    assert said["name"] in run("dkim", "show").out


def test_without_keys_there_is_nothing_to_show(run: Run) -> None:
    assert run("dkim", "show").code == ExitCode.NO


def test_each_kind_of_mail_is_switched_by_itself(run: Run) -> None:
    told = run("policy", "set", "acme", "on", "--switch", "emailChange")
    assert told.out.startswith("People of acme are told when their email address changes.")
    told = run("policy", "get", "acme", "--switch", "emailChange")
    assert "are told when their email address changes" in told.out
    assert "are not told when their password changes" in run("policy", "get", "acme").out


def test_the_apis_body_tells_of_another_switch_only_when_asked(run: Run) -> None:
    run("policy", "set", "acme", "on", "--switch", "emailChange")
    usual = json.loads(run("policy", "get", "acme", "--json").out)["policy"]
    assert "emailChange" not in usual
    asked = json.loads(run("policy", "get", "acme", "--switch", "emailChange", "--json").out)
    assert asked["policy"]["emailChange"] is True


def test_an_unknown_switch_is_refused_with_those_there_are(run: Run) -> None:
    answer = run("policy", "set", "acme", "on", "--switch", "phoneChange")
    assert answer.code == ExitCode.USAGE
    assert "emailChange, passwordChange" in answer.err
