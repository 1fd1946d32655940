"""The command line, on an installation in memory."""

import asyncio
import json
from pathlib import Path

import pytest

from dispatcher import __version__
from dispatcher.cli.failures import ExitCode, UsageError, exit_code
from dispatcher.delivery import (
    Attempt,
    DeadReason,
    DeferReason,
    Deferred,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
    State,
)
from dispatcher.errors import (
    ConfigError,
    DispatcherError,
    MalformedEvent,
    PolicyNotFound,
    StoreUnavailable,
)
from tests.builders import NOON, an_event
from tests.unit.cli.installation import MemorySession, Run

COMMANDS = [
    [],
    ["worker"],
    ["send"],
    ["why"],
    ["deliveries"],
    ["doctor"],
    ["policy"],
    ["policy", "get"],
    ["policy", "set"],
    ["policy", "reset"],
    ["policy", "default", "get"],
    ["policy", "default", "set"],
    ["dead", "list"],
    ["dead", "show"],
    ["dead", "resend"],
    ["dead", "drop"],
    ["dead", "export"],
    ["demo"],
    ["up"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    answer = run(*command, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"dispatcher {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PolicyNotFound("none"), ExitCode.NO),
        (DispatcherError("no"), ExitCode.NO),
        (ConfigError("wrong"), ExitCode.USAGE),
        (MalformedEvent("wrong"), ExitCode.USAGE),
        (UsageError("wrong"), ExitCode.USAGE),
        (StoreUnavailable("away"), ExitCode.AWAY),
    ],
)
def test_an_exit_code_tells_what_kind_of_error_it_was(
    error: DispatcherError, code: ExitCode
) -> None:
    assert exit_code(error) is code


def test_a_store_that_is_away_is_told_in_words(run: Run, session: MemorySession) -> None:
    session.away = StoreUnavailable("no answer from the store")
    answer = run("deliveries", "--json")
    assert answer.code == ExitCode.AWAY
    assert not answer.out
    assert "no answer from the store" in answer.err
    assert "dispatcher doctor" in answer.err


def test_every_wrong_setting_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_CONCURRENCY", "many")
    monkeypatch.setenv("DISPATCHER_MAX_AGE", "-1")
    answer = run("worker")
    assert answer.code == ExitCode.USAGE
    assert "DISPATCHER_CONCURRENCY" in answer.err
    assert "DISPATCHER_MAX_AGE" in answer.err


def test_a_worker_that_could_not_send_is_not_started(run: Run) -> None:
    answer = run("worker", "--processes", "2")
    assert answer.code == ExitCode.USAGE
    assert "DISPATCHER_SMTP_URL" in answer.err
    assert "DISPATCHER_MAIL_FROM" in answer.err


# policy


def test_a_policy_is_told_in_words(run: Run) -> None:
    assert run("policy", "set", "acme", "on").out.startswith("People of acme are told")
    assert "acme's own policy, change 1" in run("policy", "get", "acme").out


def test_setting_what_is_already_so_says_so(run: Run) -> None:
    run("policy", "set", "acme", "off")
    assert "It was so already." in run("policy", "set", "acme", "off").out


def test_the_default_counts_where_an_organization_has_no_policy(run: Run) -> None:
    assert run("policy", "get", "acme").code == ExitCode.NO
    run("policy", "default", "set", "on")
    found = json.loads(run("policy", "get", "acme", "--json").out)["policy"]
    assert found["isDefault"] is True
    assert found["passwordChange"] is True
    assert run("policy", "default", "get").code == 0


def test_a_policy_that_is_not_there_is_null_for_programs(run: Run) -> None:
    answer = run("policy", "default", "get", "--json")
    assert answer.code == ExitCode.NO
    assert json.loads(answer.out) == {"policy": None}


def test_a_written_policy_has_the_body_of_the_api(run: Run) -> None:
    written = json.loads(run("policy", "set", "acme", "on", "--json").out)
    assert written["effect"] == "created"
    assert written["details"]["sequence"] == "1"
    assert written["details"]["resourceOwner"] == "acme"


def test_a_reset_lets_the_default_count_again(run: Run) -> None:
    run("policy", "default", "set", "off")
    run("policy", "set", "acme", "on")
    assert json.loads(run("policy", "reset", "acme", "--json").out)["details"]["sequence"] == "2"
    assert "are not told" in run("policy", "get", "acme").out
    assert run("policy", "reset", "acme").code == ExitCode.NO


@pytest.mark.parametrize("org", ["*", "a b", "", "x" * 65])
def test_no_organization_can_be_called_that(run: Run, org: str) -> None:
    assert run("policy", "set", org, "on").code == ExitCode.USAGE


# why


def test_why_tells_the_story_of_an_event(run: Run, session: MemorySession) -> None:
    sent = Attempt(1, NOON, 0.01, "sent", "mail.acme.example:587", "final", 250)
    session.has(Sent(), ruling=Ruling("acme", 1), attempt=sent)
    answer = run("why", "evt-1")
    assert answer.code == 0
    assert answer.out.startswith("Event evt-1 of acme was sent.")
    assert "2026-11-24 12:00:00 UTC" in answer.out


def test_why_tells_the_stories_of_all_organizations(run: Run, session: MemorySession) -> None:
    session.has(Sent(), an_event(org="acme"))
    session.has(Skipped(SkipReason.POLICY_UNSET), an_event(org="globex"))
    told = json.loads(run("why", "evt-1", "--json").out)["deliveries"]
    assert {one["org_id"]: one["state"] for one in told} == {"acme": "sent", "globex": "skipped"}
    assert "policy set globex on" in told[1]["story"]["advice"]
    assert len(json.loads(run("why", "evt-1", "--org", "acme", "--json").out)["deliveries"]) == 1


def test_why_says_where_to_look_for_an_unknown_event(run: Run, session: MemorySession) -> None:
    session.has(Sent(), an_event(org="globex"))
    session.waiting = {"notifications": 3, "policies": 0}
    answer = run("why", "evt-1", "--org", "acme")
    assert answer.code == ExitCode.NO
    assert "another organization: globex" in answer.err
    assert "3 on notifications" in answer.err


def test_an_unknown_event_is_an_empty_list_for_programs(run: Run) -> None:
    answer = run("why", "nobody", "--json")
    assert answer.code == ExitCode.NO
    assert json.loads(answer.out) == {"event_id": "nobody", "deliveries": [], "quarantine": []}


# deliveries


def test_deliveries_are_listed_with_the_totals(run: Run, session: MemorySession) -> None:
    session.has(Sent(), an_event("a"))
    session.has(Skipped(SkipReason.POLICY_OFF), an_event("b"))
    session.has(Deferred(DeferReason.TEMPORARY, 5.0), an_event("c"))
    session.has_dead("d")
    assert "4 accepted = 1 sent + 1 skipped + 1 dead + 1 open" in run("deliveries").out
    listed = json.loads(run("deliveries", "--state", "skipped", "--json").out)
    assert [one["event_id"] for one in listed["deliveries"]] == ["b"]
    assert listed["totals"]["open"] == 1


def test_deliveries_can_be_asked_for_by_time(run: Run, session: MemorySession) -> None:
    session.has(Sent(), an_event("old"))
    session.clock.advance(7200)
    session.has(Sent(), an_event("new"))
    listed = json.loads(run("deliveries", "--since", "1h", "--json").out)["deliveries"]
    assert [one["event_id"] for one in listed] == ["new"]
    assert run("deliveries", "--since", "soon").code == ExitCode.USAGE


# dead


def test_dead_letters_are_listed(run: Run, session: MemorySession) -> None:
    assert run("dead", "list").out == "No dead letters.\n"
    session.has_dead("a")
    session.has_dead("b", reason=DeadReason.REJECTED_RECIPIENT)
    assert "what was wrong" in run("dead", "list").out
    found = json.loads(run("dead", "list", "--reason", "rejected_recipient", "--json").out)
    assert [one["event_id"] for one in found["dead_letters"]] == ["b"]


def test_a_dead_letter_is_shown_without_personal_fields(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    assert "a•••@example.org" in run("dead", "show", "a").out
    assert "ada@example.org" not in run("dead", "show", "a").out
    (shown,) = json.loads(run("dead", "show", "a", "--reveal", "--json").out)["dead_letters"]
    assert shown["event"]["user"]["email"] == "ada@example.org"


def test_a_dead_letter_that_is_not_there_is_not_shown(run: Run, session: MemorySession) -> None:
    session.has(Sent())
    for event_id in ("evt-1", "nobody"):
        answer = run("dead", "show", event_id)
        assert answer.code == ExitCode.NO
        assert "dispatcher dead list" in answer.err


def test_a_resent_dead_letter_is_due_again(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    assert json.loads(run("dead", "resend", "a", "--json").out) == {
        "resent": [{"org_id": "acme", "event_id": "a"}],
        "quarantine": [],
        "not_found": [],
    }
    (delivery,) = asyncio.run(session.store.ledger.find("a"))
    assert delivery.state is State.DEFERRED


def test_all_dead_letters_of_a_reason_are_resent(run: Run, session: MemorySession) -> None:
    for number in range(5):
        session.has_dead(f"mended-{number}")
    session.has_dead("other", reason=DeadReason.REJECTED_RECIPIENT)
    answer = run("dead", "resend", "--all", "--reason", "render_error")
    assert answer.out.endswith("5 resent.\n")
    left = json.loads(run("dead", "list", "--json").out)["dead_letters"]
    assert [one["event_id"] for one in left] == ["other"]


def test_resending_nothing_is_a_no(run: Run) -> None:
    assert run("dead", "resend", "--all").code == ExitCode.NO
    assert run("dead", "resend", "nobody").code == ExitCode.NO


@pytest.mark.parametrize(
    "arguments", [(), ("a", "--all"), ("a", "--reason", "expired")], ids=" ".join
)
def test_resend_wants_ids_or_all(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("dead", "resend", *arguments).code == ExitCode.USAGE


def test_an_id_that_died_in_two_organizations_must_be_told_apart(
    run: Run, session: MemorySession
) -> None:
    session.has_dead("a", org="acme")
    session.has_dead("a", org="globex")
    answer = run("dead", "resend", "a")
    assert answer.code == ExitCode.USAGE
    assert "acme, globex" in answer.err
    assert run("dead", "resend", "a", "--org", "globex").code == 0


def test_dropping_asks_first(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    assert run("dead", "drop", "a", stdin="n\n").code == ExitCode.NO
    assert len(json.loads(run("dead", "list", "--json").out)["dead_letters"]) == 1
    answer = run("dead", "drop", "a", stdin="y\n")
    assert answer.code == 0
    assert run("dead", "list").out == "No dead letters.\n"
    assert "content dropped" in run("why", "a").out


def test_programs_drop_without_being_asked(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    assert run("dead", "drop", "a", "--json").code == ExitCode.USAGE
    dropped = json.loads(run("dead", "drop", "a", "--yes", "--json").out)
    assert dropped["dropped"] == [{"org_id": "acme", "event_id": "a"}]


# send


def test_one_event_is_published_and_its_id_printed(run: Run, session: MemorySession) -> None:
    answer = run("send", "--org", "acme", "--email", "ada@example.org", "--name", "Ada")
    (parcel,) = session.events.parcels
    assert answer.out == f"{parcel.event['id']}\n"
    assert parcel.event["user"] == {"email": "ada@example.org", "display_name": "Ada"}
    assert parcel.event["occurred_at"] == session.now().isoformat()


def test_a_given_id_is_kept(run: Run) -> None:
    answer = run("send", "--org", "acme", "--user-id", "u-1", "--id", "evt-7", "--json")
    (event,) = json.loads(answer.out)["events"]
    assert (event["org_id"], event["id"]) == ("acme", "evt-7")


@pytest.mark.parametrize(
    "arguments",
    [(), ("--org", "acme"), ("--email", "a@example.org"), ("--file", "-", "--org", "acme")],
    ids=" ".join,
)
def test_send_wants_one_event_or_a_file(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("send", *arguments).code == ExitCode.USAGE


def lines_of(*events: object) -> str:
    return "\n".join(json.dumps(event) for event in events)


def test_the_lines_of_a_file_are_published(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    whole = {"id": "a", "org_id": "acme", "user": {"id": "u"}, "occurred_at": "now-5m"}
    file = tmp_path / "events.jsonl"
    file.write_text(lines_of(whole, {"event": whole | {"id": "b"}, "note": "wrapped"}) + "\n\n")
    assert run("send", "--file", str(file)).out == "a\nb\n"
    assert session.events.parcels[0].event["occurred_at"] == "2026-11-24T11:55:01+00:00"


def test_bad_lines_are_named_and_nothing_is_published(run: Run, session: MemorySession) -> None:
    good = {"org_id": "acme", "user": {"id": "u"}}
    answer = run("send", "--file", "-", stdin=lines_of(good, {"user": {"id": "u"}}, 7))
    assert answer.code == ExitCode.USAGE
    assert "line 2: org_id: is required" in answer.err
    assert "line 3: expected a JSON object" in answer.err
    assert not session.events.parcels


def test_a_line_that_is_no_json_is_named(run: Run) -> None:
    answer = run("send", "--file", "-", stdin="{}\nnonsense\n")
    assert answer.code == ExitCode.USAGE
    assert "line 2: expected JSON" in answer.err


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    answer = run("send", "--file", str(tmp_path / "missing.jsonl"))
    assert answer.code == ExitCode.USAGE
    assert "No such file" in answer.err


def test_unchecked_lines_go_out_as_they_are(run: Run, session: MemorySession) -> None:
    answer = run("send", "--file", "-", "--no-check", stdin=lines_of({"user": 7}, "nonsense"))
    assert answer.code == 0
    assert [parcel.event for parcel in session.events.parcels] == [{"user": 7}, "nonsense"]
    assert answer.out.split() == [parcel.receipt for parcel in session.events.parcels]


def test_what_was_published_before_the_broker_went_away_is_told(
    run: Run, session: MemorySession
) -> None:
    session.events.room = 250
    events = [{"id": f"e{n}", "org_id": "acme", "user": {"id": "u"}} for n in range(1000)]
    answer = run("send", "--file", "-", "--json", stdin=lines_of(*events))
    assert answer.code == ExitCode.AWAY
    told = json.loads(answer.out)
    assert [event["id"] for event in told["events"]] == [f"e{n}" for n in range(240)]
    assert "240 of 1000 events were published." in answer.err
