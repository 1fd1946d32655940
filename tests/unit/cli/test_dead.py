"""Dead letters: narrowed down, with their messages, many at a time."""

import asyncio
import json
from pathlib import Path

from dispatcher.cli.failures import ExitCode
from dispatcher.delivery import Dead, DeadReason
from dispatcher.message import Message
from dispatcher.ports import Claim
from tests.builders import an_event
from tests.unit.cli.installation import Garbage, MemorySession, Run

MAIL = Message("<m@x>", "from@x", "ada@example.org", b"Subject: Changed\r\nTo: ada\r\n\r\nbody")
REFUSED = Dead(DeadReason.REJECTED_RECIPIENT, "550")


def test_a_letter_tells_whether_its_message_is_kept_and_not_to_whom(
    run: Run, session: MemorySession
) -> None:
    session.has(REFUSED, an_event("a"), message=MAIL)
    session.has_dead("b")
    shown = run("dead", "show", "a").out
    assert "subject: Changed" in shown
    assert "--as-it-was" in shown
    assert "ada@example.org" not in shown
    assert "No message is kept" in run("dead", "show", "b").out
    (letter,) = json.loads(run("dead", "show", "a", "--json").out)["dead_letters"]
    assert letter["keeps_message"]


def test_a_letter_is_resent_as_it_was_only_where_its_message_is_kept(
    run: Run, session: MemorySession
) -> None:
    session.has(REFUSED, an_event("a"), message=MAIL)
    session.has_dead("b")
    assert run("dead", "resend", "a", "--as-it-was").code == ExitCode.OK
    claim = asyncio.run(session.store.ledger.claim(an_event("a"), receipt="message-a"))
    assert isinstance(claim, Claim)
    assert claim.message == MAIL
    assert run("dead", "resend", "b", "--as-it-was").code == ExitCode.NO
    assert run("dead", "resend", "b").code == ExitCode.OK


def test_letters_are_narrowed_down_by_time(run: Run, session: MemorySession) -> None:
    session.has_dead("old")
    session.puts_aside(Garbage("1-1", session.now()))
    session.clock.advance(7_200)
    session.has_dead("new")
    listed = run("dead", "list", "--since", "1h").out
    assert "new" in listed
    assert "old" not in listed
    assert "quarantine:" not in listed
    assert run("dead", "export", "--since", "1h").err == "1 dead letter written.\n"
    assert "1 resent." in run("dead", "resend", "--all", "--since", "1h").out
    assert "old" in run("dead", "list").out


def test_a_time_goes_with_all_only(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    assert run("dead", "resend", "a", "--since", "1h").code == ExitCode.USAGE


def test_many_letters_are_resent_at_a_time(run: Run, session: MemorySession) -> None:
    for number in range(1_050):
        session.has_dead(f"e-{number}")
    assert "1050 resent." in run("dead", "resend", "--all").out
    assert run("dead", "list").out == "No dead letters.\n"


def test_what_the_full_quarantine_only_counted_is_told(run: Run, session: MemorySession) -> None:
    session.aside.uncounted["not_json"] = 3
    assert "only counted (3 not_json)" in run("dead", "list").out
    assert json.loads(run("dead", "list", "--json").out)["unlisted"] == {"not_json": 3}


def test_exported_letters_can_be_published_anew(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    session.has_dead("a")
    file = tmp_path / "dead.jsonl"
    run("dead", "export", "--reveal", str(file))
    assert run("send", "--file", str(file)).out == "a\n"
    assert session.events.parcels[0].event["user"]["email"] == "ada@example.org"


def test_letters_exported_with_hidden_fields_are_not_published(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    session.has_dead("a")
    file = tmp_path / "dead.jsonl"
    run("dead", "export", str(file))
    answer = run("send", "--file", str(file))
    assert answer.code == ExitCode.USAGE
    assert "--reveal" in answer.err
    assert session.events.parcels == []
