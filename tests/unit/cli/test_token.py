"""``dispatcher token``, on an installation in memory."""

import asyncio
import json

import pytest

from dispatcher.access import Caller, Role
from dispatcher.cli.failures import ExitCode
from dispatcher.errors import StoreUnavailable, Unauthenticated
from tests.unit.cli.installation import Answer, MemorySession, Run


def create(run: Run, *options: str) -> Answer:
    return run("token", "create", "--org", "acme", "--role", "ORG_OWNER", *options)


def caller_of(session: MemorySession, text: str) -> Caller:
    return asyncio.run(session.store.tokens.authenticate(text))


@pytest.mark.parametrize("command", [["create"], ["list"], ["revoke"], []], ids=" ".join)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    answer = run("token", *command, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out


def test_a_token_alone_is_on_stdout_and_opens_what_it_was_made_for(
    run: Run, session: MemorySession
) -> None:
    answer = create(run)
    assert answer.code == 0
    assert answer.out.startswith("ndt_")
    assert answer.out.count("\n") == 1
    assert "not shown again" in answer.err
    caller = caller_of(session, answer.out.strip())
    assert (caller.org_id, caller.roles) == ("acme", frozenset({Role.ORG_OWNER}))


def test_a_token_is_shown_when_it_is_made_and_never_again(run: Run) -> None:
    text = create(run, "--name", "backoffice").out.strip()
    for answer in (run("token", "list"), run("token", "list", "--json")):
        assert "backoffice" in answer.out
        assert text not in answer.out
        assert text.rpartition("_")[2] not in answer.out


def test_a_program_gets_one_document(run: Run) -> None:
    made = json.loads(create(run, "--expires", "90d", "--role", "ORG_OWNER_VIEWER", "--json").out)
    assert made["token"].startswith(f"ndt_{made['id']}_")
    assert made["roles"] == ["ORG_OWNER", "ORG_OWNER_VIEWER"]
    assert (made["organization"], made["state"], made["lastUsedAt"]) == ("acme", "valid", None)
    assert made["expiresAt"].startswith("2027-02-22")
    assert made["createdAt"].endswith("Z")
    listed = json.loads(run("token", "list", "--json").out)
    assert listed == [{key: value for key, value in made.items() if key != "token"}]


def test_tokens_are_listed_for_one_organization_or_all(run: Run) -> None:
    create(run, "--name", "ours")
    run("token", "create", "--role", "IAM_OWNER", "--name", "everywhere")
    assert "everywhere" not in run("token", "list", "--org", "acme").out
    everything = run("token", "list").out
    assert "ours" in everything
    assert "(all)" in everything


def test_a_revoked_token_is_worth_nothing_and_stays_listed(
    run: Run, session: MemorySession
) -> None:
    made = json.loads(create(run, "--json").out)
    assert run("token", "revoke", made["id"]).code == 0
    with pytest.raises(Unauthenticated):
        caller_of(session, made["token"])
    assert json.loads(run("token", "list", "--json").out)[0]["state"] == "revoked"
    assert run("token", "revoke", made["id"]).code == 0


def test_an_unknown_token_cannot_be_revoked(run: Run) -> None:
    answer = run("token", "revoke", "nowhere")
    assert (answer.code, answer.err.strip()) == (ExitCode.NO, "There is no such token.")


def test_an_expired_token_says_so(run: Run, session: MemorySession) -> None:
    create(run, "--expires", "1h")
    session.clock.advance(3601)
    assert "expired" in run("token", "list").out


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        (["--role", "ORG_OWNER"], "ORG_OWNER needs an organization"),
        (["--role", "IAM_OWNER", "--role", "ORG_OWNER"], "ORG_OWNER needs an organization"),
        (["--role", "IAM_OWNER", "--expires", "soon"], "--expires: expected a span"),
        (["--role", "IAM_OWNER", "--expires", "0d"], "--expires: expected a span"),
        (["--role", "IAM_OWNER", "--name", "x" * 101], "the name: expected up to 100"),
        (["--role", "IAM_OWNER", "--name", "a\tb"], "the name: expected up to 100"),
        (["--role", "ORG_OWNER", "--org", "a/b"], "ORG: expected 1-64 characters"),
        (["--role", "KING"], "KING"),
        ([], "--role"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    run: Run, options: list[str], mistake: str
) -> None:
    answer = run("token", "create", *options)
    assert answer.code == ExitCode.USAGE
    assert mistake in answer.err


def test_a_store_that_is_away_is_told(run: Run, session: MemorySession) -> None:
    session.away = StoreUnavailable("no answer from the store")
    assert create(run).code == ExitCode.AWAY


def test_nothing_to_list_is_said(run: Run) -> None:
    assert "no tokens" in run("token", "list").err
    assert json.loads(run("token", "list", "--json").out) == []
