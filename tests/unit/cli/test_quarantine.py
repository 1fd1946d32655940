"""Messages in quarantine, beside the dead letters of the ledger."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from dispatcher.cli.failures import ExitCode
from dispatcher.cli.put_aside import NoQuarantine
from dispatcher.errors import StoreUnavailable
from tests.builders import NOON
from tests.unit.cli.installation import Garbage, MemorySession, Run

LATER = timedelta(seconds=2)
NAMES = ["quarantine:new", "letter", "quarantine:old"]


def raw_message(event_id: str, task_id: str, *, protocol: int = 2) -> bytes:
    """Return a Celery message that carries an event, as it lies on the queue."""
    args = [{"id": event_id}]
    body: Any = [args, {}, {}] if protocol == 2 else {"id": task_id, "args": args}
    text = json.dumps(body)
    properties: dict[str, Any] = {"correlation_id": task_id}
    if protocol == 2:
        text = base64.b64encode(text.encode()).decode()
        properties["body_encoding"] = "base64"
    return json.dumps({"body": text, "headers": {}, "properties": properties}).encode()


def test_they_are_listed_by_time_among_the_dead_letters(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("old", NOON - LATER), Garbage("new", NOON + LATER))
    session.has_dead("letter")
    lines = run("dead", "list").out.splitlines()
    assert [word for line in lines for word in line.split() if word in NAMES] == NAMES
    assert "not_json" in lines[1]
    assert "it is not JSON; notifications, 7 bytes" in lines[1]


def test_the_limit_counts_both(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("old", NOON - LATER), Garbage("new", NOON + LATER))
    session.has_dead("letter")
    listed = json.loads(run("dead", "list", "--limit", "2", "--json").out)
    assert [one["event_id"] for one in listed["dead_letters"]] == ["letter"]
    assert [one["id"] for one in listed["quarantine"]] == ["quarantine:new"]


def test_they_belong_to_no_organization_and_have_reasons(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("a"), Garbage("b", reason="unknown_task"))
    assert json.loads(run("dead", "list", "--org", "acme", "--json").out)["quarantine"] == []
    (one,) = json.loads(run("dead", "list", "--reason", "unknown_task", "--json").out)["quarantine"]
    assert one["id"] == "quarantine:b"


def test_one_is_shown_with_its_bytes_only_when_revealed(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("a", raw=b"ada@example.org\x1b[31m\xff\n"))
    told = run("dead", "show", "quarantine:a").out
    assert told.startswith("Message quarantine:a was put aside: it is not JSON.")
    assert "2026-11-24 12:00:00 UTC" in told
    assert "ada@" not in told
    revealed = run("dead", "show", "quarantine:a", "--reveal").out
    assert r"ada@example.org\x1b[31m\xff\n" in revealed
    assert "\x1b" not in revealed


def test_programs_get_the_exact_bytes_when_revealed(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("a", raw=b"\x00\xff"))
    (hidden,) = json.loads(run("dead", "show", "quarantine:a", "--json").out)["quarantine"]
    assert "raw_base64" not in hidden
    shown = json.loads(run("dead", "show", "quarantine:a", "--json", "--reveal").out)
    assert base64.b64decode(shown["quarantine"][0]["raw_base64"]) == b"\x00\xff"


def test_one_that_is_not_there_is_a_no(run: Run) -> None:
    for command in (("show",), ("resend",), ("drop", "--yes")):
        answer = run("dead", *command, "quarantine:nothing")
        assert answer.code == ExitCode.NO
        assert "No dead letter quarantine:nothing." in answer.err


def test_one_goes_back_to_its_queue(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("a"))
    session.has_dead("letter")
    answer = run("dead", "resend", "quarantine:a", "letter")
    assert "quarantine:a: back on its queue" in answer.out
    assert answer.out.endswith("2 resent.\n")
    assert [one.id for one in session.aside.requeued] == ["a"]


def test_one_that_was_not_kept_whole_stays(run: Run, session: MemorySession) -> None:
    session.puts_aside(Garbage("a", is_whole=False))
    answer = run("dead", "resend", "quarantine:a", "--json")
    assert answer.code == ExitCode.NO
    assert json.loads(answer.out)["not_found"] == ["quarantine:a"]
    assert len(session.aside) == 1


def test_all_includes_them_unless_one_organization_is_meant(
    run: Run, session: MemorySession
) -> None:
    session.puts_aside(Garbage("a"), Garbage("b", reason="no_task"))
    session.has_dead("letter")
    assert json.loads(run("dead", "resend", "--all", "--org", "acme", "--json").out) == {
        "resent": [{"org_id": "acme", "event_id": "letter"}],
        "quarantine": [],
        "not_found": [],
    }
    resent = json.loads(run("dead", "resend", "--all", "--reason", "no_task", "--json").out)
    assert resent["quarantine"] == ["quarantine:b"]
    dropped = json.loads(run("dead", "drop", "--all", "--yes", "--json").out)
    assert dropped == {"dropped": [], "quarantine": ["quarantine:a"], "not_found": []}


def test_the_totals_mention_them(run: Run, session: MemorySession) -> None:
    assert "quarantine" not in run("deliveries").out
    session.puts_aside(Garbage("a"))
    assert "1 message in quarantine" in run("deliveries").out
    assert json.loads(run("deliveries", "--json").out)["quarantine"] == 1
    session.broker_away = StoreUnavailable("away")
    assert json.loads(run("deliveries", "--json").out)["quarantine"] == 0


@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.parametrize("wanted", ["evt-7", "task-7"])
def test_why_finds_the_message_that_held_the_event(
    run: Run, session: MemorySession, wanted: str, protocol: int
) -> None:
    raw = raw_message("evt-7", "task-7", protocol=protocol)
    session.puts_aside(
        Garbage("a", reason="embedded_calls", raw=raw),
        Garbage("b", raw=b"garbage"),
        Garbage("c", reason="no_envelope", raw=b'{"properties": 7}'),
    )
    answer = run("why", wanted)
    assert answer.code == ExitCode.NO
    assert "could not be run: it carries calls of other tasks" in answer.err
    assert "`dispatcher dead show quarantine:a`" in answer.err
    (one,) = json.loads(run("why", wanted, "--json").out)["quarantine"]
    assert one["id"] == "quarantine:a"


def test_a_broker_that_is_away_is_told(run: Run, session: MemorySession) -> None:
    session.broker_away = StoreUnavailable("the broker does not answer")
    assert run("dead", "list").code == ExitCode.AWAY
    assert run("why", "nobody").code == ExitCode.NO


def test_a_broker_may_keep_no_quarantine() -> None:
    nothing = NoQuarantine()
    assert len(nothing) == 0
    assert list(nothing.list()) == []
    assert nothing.show("a") is None
    assert not nothing.requeue("a")
    assert not nothing.drop("a")
