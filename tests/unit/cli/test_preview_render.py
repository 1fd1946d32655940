"""``dispatcher render``: an event's mail as files."""

import email
import email.policy
import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from dispatcher.errors import StoreUnavailable
from tests.builders import a_raw_event
from tests.unit.cli.installation import MemorySession, Run


def parsed(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def test_the_mail_is_written_whole_and_in_its_parts(run: Run, tmp_path: Path) -> None:
    event = json.dumps(a_raw_event(change="reset"), indent=2)
    (tmp_path / "event.json").write_text(event, encoding="utf-8")
    out = tmp_path / "new" / "mails"
    answer = run("render", "--event", str(tmp_path / "event.json"), "--out", str(out))
    assert answer.code == 0
    assert answer.out.split() == [str(out / f"evt-1.{kind}") for kind in ("eml", "txt", "html")]
    mail = parsed(out / "evt-1.eml")
    for name in ("From", "To", "Subject", "Message-ID", "Date"):
        assert len(mail.get_all(name, [])) == 1
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Your password was reset"
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert (out / "evt-1.txt").read_text(encoding="utf-8") == text
    assert (out / "evt-1.html").read_text(encoding="utf-8") == html


def test_standard_input_and_json_are_for_programs(run: Run, tmp_path: Path) -> None:
    answer = run(
        *("render", "--event", "-", "--out", str(tmp_path), "--locale", "de-AT", "--json"),
        stdin=json.dumps({"note": "wrapped", "event": a_raw_event()}),
    )
    told = json.loads(answer.out)
    assert told["language"] == "de"
    assert told["event_id"] == "evt-1"
    assert told["subject"] == "Ihr Passwort wurde geändert"
    assert parsed(Path(told["files"]["eml"]))["Message-ID"] == told["message_id"]


def test_the_same_event_makes_the_same_files(run: Run, tmp_path: Path) -> None:
    event = json.dumps(a_raw_event())
    for folder in ("one", "two"):
        assert run("render", "--event", "-", "--out", str(tmp_path / folder), stdin=event).code == 0
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("one", "two")
    )
    assert one == two


def test_a_missing_id_and_time_are_made_up(run: Run, tmp_path: Path) -> None:
    event = {"org_id": "acme", "user": {"email": "ada@example.org"}, "occurred_at": "now-5m"}
    assert run("render", "--event", "-", "--out", str(tmp_path), stdin=json.dumps(event)).code == 0
    assert len(list(tmp_path.glob("*.eml"))) == 1


def test_the_mail_is_the_one_that_this_organizations_reader_would_get(
    run: Run, tmp_path: Path
) -> None:
    run("branding", "set", "acme", "--name", "Acme Identity", "--language", "de")
    run("text", "set", "acme", "de", "--subject", "Unser Betreff")
    run("sender", "set", "acme", "--mail-from", "Acme <no-reply@acme.example>")
    event = json.dumps(a_raw_event(user={"email": "ada@example.org"}))
    answer = run("render", "--event", "-", "--out", str(tmp_path), "--json", stdin=event)
    assert (json.loads(answer.out)["look"], answer.err) == ("organization", "")
    mail = parsed(tmp_path / "evt-1.eml")
    assert (mail["From"], mail["Subject"]) == ("Acme <no-reply@acme.example>", "Unser Betreff")
    assert "Acme Identity" in (tmp_path / "evt-1.html").read_text(encoding="utf-8")


def test_the_instances_look_can_be_asked_for(run: Run, tmp_path: Path) -> None:
    run("text", "set", "acme", "en", "--subject", "Our own words")
    where = ("--event", "-", "--out", str(tmp_path), "--instance-look", "--json")
    answer = run("render", *where, stdin=json.dumps(a_raw_event()))
    told = json.loads(answer.out)
    assert (told["look"], told["subject"]) == ("instance", "Your password was changed")


def test_without_a_store_the_look_is_the_instances_and_stderr_says_so(
    session: MemorySession, run: Run, tmp_path: Path
) -> None:
    session.away = StoreUnavailable("the store does not answer")
    event = json.dumps(a_raw_event())
    answer = run("render", "--event", "-", "--out", str(tmp_path), stdin=event)
    assert (answer.code, len(answer.out.split())) == (0, 3)
    assert "In the instance's look: that of acme is not known here: the store" in answer.err


@pytest.mark.parametrize("event_id", ["../../../tmp/x", "..", "/etc/passwd", "a:b/c"])
def test_no_id_leads_out_of_the_folder(run: Run, tmp_path: Path, event_id: str) -> None:
    out = tmp_path / "deep" / "out"
    event = json.dumps(a_raw_event(id=event_id))
    assert run("render", "--event", "-", "--out", str(out), stdin=event).code == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 3
    assert all(path.parent == out and not path.name.startswith(".") for path in written)


def test_a_template_of_the_operators_is_used(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own" / "password_change"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("Our own words", encoding="utf-8")
    monkeypatch.setenv("DISPATCHER_TEMPLATES_DIR", str(own.parent))
    monkeypatch.setenv("DISPATCHER_MAIL_FROM", "Acme <no-reply@acme.example>")
    run("render", "--event", "-", "--out", str(tmp_path), stdin=json.dumps(a_raw_event()))
    mail = parsed(tmp_path / "evt-1.eml")
    assert (mail["Subject"], mail["From"]) == ("Our own words", "Acme <no-reply@acme.example>")


@pytest.mark.parametrize(
    ("stdin", "code", "words"),
    [
        ("{", 2, "JSON"),
        ("[]", 2, "JSON object"),
        (json.dumps(a_raw_event(org_id="")), 2, "org_id"),
        (json.dumps(a_raw_event(user={"id": "u-1"})), 1, "no address"),
    ],
)
def test_what_cannot_be_rendered_is_told_and_nothing_written(
    run: Run, tmp_path: Path, stdin: str, code: int, words: str
) -> None:
    answer = run("render", "--event", "-", "--out", str(tmp_path), stdin=stdin)
    assert answer.code == code
    assert words in answer.err
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_read_or_written_are_named(run: Run, tmp_path: Path) -> None:
    missing = run("render", "--event", str(tmp_path / "none"), "--out", str(tmp_path))
    assert (missing.code, "none" in missing.err) == (2, True)
    (tmp_path / "file").write_bytes(b"")
    event = json.dumps(a_raw_event())
    blocked = run("render", "--event", "-", "--out", str(tmp_path / "file"), stdin=event)
    assert (blocked.code, "file" in blocked.err) == (2, True)


def test_a_broken_template_ends_it_with_its_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own" / "password_change"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("{% if %}", encoding="utf-8")
    monkeypatch.setenv("DISPATCHER_TEMPLATES_DIR", str(own.parent))
    event = json.dumps(a_raw_event())
    answer = run("render", "--event", "-", "--out", str(tmp_path), stdin=event)
    assert answer.code == 2
    assert "password_change/subject.txt, line 1" in answer.err
