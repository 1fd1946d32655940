"""``dispatcher sender`` and ``dispatcher key``, on an installation in memory."""

import json
from pathlib import Path

import pytest

from dispatcher.adapters.store.vault import parse_keys
from dispatcher.cli.failures import ExitCode
from dispatcher.sender_wire import redacted
from tests.unit.cli.installation import Run

RELAYS = "smtp://acme:s3cret@mail.acme.example:587"


@pytest.mark.parametrize(
    "command",
    [["get"], ["set"], ["reset"], ["list"], ["test"], []],
    ids=" ".join,
)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    answer = run("sender", *command, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out


def test_a_sender_is_set_field_by_field_and_shown_without_its_password(run: Run) -> None:
    assert run("sender", "set", "acme", "--mail-from", "Acme <a@acme.example>").code == 0
    assert run("sender", "set", "acme", "--relays-file", "-", stdin=f"{RELAYS}\n").code == 0
    shown = run("sender", "get", "acme")
    assert "from: Acme <a@acme.example>" in shown.out
    assert "replies to: the instance's" in shown.out
    assert "relays: smtp://acme:***@mail.acme.example:587" in shown.out
    assert "change 2" in shown.out
    assert "s3cret" not in shown.out + shown.err


def test_relays_are_read_from_a_file_one_a_line_or_all_in_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "relays"
    file.write_text(f"# ours\n{RELAYS},\n\nsmtps://b.acme.example\n")
    assert run("sender", "set", "acme", "--relays-file", str(file)).code == 0
    sender = json.loads(run("sender", "get", "acme", "--json").out)["sender"]
    assert sender["relays"] == ("smtp://acme:***@mail.acme.example:587,smtps://b.acme.example")
    assert (sender["organization"], sender["mailFrom"], sender["sequence"]) == ("acme", None, "1")


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ([], "nothing to set"),
        (["--mail-from", "nobody"], "mailFrom: the sender must be one mailbox"),
        (["--reply-to", "nobody"], "replyTo: expected one address"),
        (["--relays", "smtp://u:s3cret@localhost"], "cannot be on this machine"),
        (["--relays", RELAYS, "--relays-file", "-"], "not both"),
        (["--relays-file", "/does/not/exist"], "cannot read /does/not/exist"),
        (["--relays-file", "-"], "there is no relay in -"),
    ],
)
def test_what_cannot_be_set_is_refused_with_the_reason(
    run: Run, options: list[str], mistake: str
) -> None:
    answer = run("sender", "set", "acme", *options)
    assert answer.code == ExitCode.USAGE
    assert mistake in answer.err
    assert "s3cret" not in answer.out + answer.err
    assert run("sender", "get", "acme").code == ExitCode.NO


def test_setting_what_is_so_already_says_so(run: Run) -> None:
    for effect in ("changed", "unchanged"):
        answer = run("sender", "set", "acme", "--reply-to", "help@acme.example", "--json")
        assert json.loads(answer.out)["effect"] == effect


def test_a_sender_is_reset_once(run: Run) -> None:
    run("sender", "set", "acme", "--reply-to", "help@acme.example")
    assert run("sender", "reset", "acme").code == 0
    answer = run("sender", "reset", "acme")
    assert answer.code == ExitCode.NO
    assert "no sender of its own" in answer.err
    assert json.loads(run("sender", "get", "acme", "--json").out) == {"sender": None}


def test_senders_are_listed_without_passwords(run: Run) -> None:
    assert "No organization" in run("sender", "list").out
    run("sender", "set", "globex", "--mail-from", "no-reply@globex.example")
    run("sender", "set", "acme", "--relays", RELAYS)
    listed = run("sender", "list")
    assert "acme" in listed.out
    assert "smtp://acme:***@mail.acme.example:587" in listed.out
    found = json.loads(run("sender", "list", "--json").out)["senders"]
    assert [each["organization"] for each in found] == ["acme", "globex"]


def test_an_organizations_id_is_checked(run: Run) -> None:
    assert run("sender", "get", "a b").code == ExitCode.USAGE


def test_a_created_key_can_be_used_and_no_two_are_alike(run: Run) -> None:
    first, second = (run("key", "create").out.strip() for _ in range(2))
    assert first != second
    assert len(parse_keys(f"{first},{second}")) == 2


def test_a_rotation_says_how_much_it_did(run: Run) -> None:
    assert "0 secrets were" in run("key", "rotate").out
    assert json.loads(run("key", "rotate", "--json").out) == {"resealed": 0}


@pytest.mark.parametrize(
    ("relays", "shown"),
    [
        ("", ""),
        ("smtp://h", "smtp://h"),
        ("smtp://u@h:25", "smtp://u@h:25"),
        ("smtp://u:p@ss@h:25", "smtp://u:***@h:25"),
        (
            "smtp://u:p%2C@h?auth=xoauth2, smtps://u:@i",
            "smtp://u:***@h?auth=xoauth2,smtps://u:***@i",
        ),
    ],
)
def test_no_part_of_a_password_is_shown(relays: str, shown: str) -> None:
    assert redacted(relays) == shown
