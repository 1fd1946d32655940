"""``dispatcher suppress``: who gets no mail, and why."""

import asyncio
import json
from datetime import timedelta

import pytest

from dispatcher.delivery import Report, Sent, Skipped, SkipReason
from dispatcher.message import fingerprint
from dispatcher.ports import Claim
from tests.builders import an_event
from tests.unit.cli.installation import SECRET, MemorySession, Run

ADA = fingerprint(SECRET, "ada@example.org")


def test_an_address_is_suppressed_in_whatever_case_and_listed(run: Run) -> None:
    added = run("suppress", "add", "Ada@Example.org", "--org", "acme", "--note", "asked us")
    assert (added.code, added.out) == (0, f"The address {ADA} gets no mail of acme.\n")
    listed = run("suppress", "list", "--org", "acme")
    assert all(said in listed.out for said in (ADA, "acme", "operator", "asked us"))
    assert "1 suppressed for acme, 1 shown." in listed.out
    assert "example.org" not in listed.out.lower()


def test_adding_it_again_says_since_when(run: Run) -> None:
    assert json.loads(run("suppress", "add", "ada@example.org", "--json").out)["new"] is True
    again = run("suppress", "add", "ada@example.org")
    assert "of any organization. It got none since 2026-11-24 12:00:01 UTC." in again.out


def test_programs_read_the_list(run: Run) -> None:
    run("suppress", "add", "ada@example.org")
    run("suppress", "add", "eve@example.org", "--org", "acme")
    told = json.loads(run("suppress", "list", "--email", "ADA@example.org", "--json").out)
    assert told == {
        "suppressions": [
            {
                "recipient_fingerprint": ADA,
                "org_id": None,
                "reason": "operator",
                "since": "2026-11-24T12:00:01Z",
                "until": None,
                "detail": None,
                "event_id": None,
            }
        ],
        "total": 2,
    }


def test_a_program_reads_what_was_removed_and_what_is_left(run: Run) -> None:
    run("suppress", "add", "ada@example.org", "--org", "acme")
    run("suppress", "add", "ada@example.org")
    told = json.loads(run("suppress", "remove", "ada@example.org", "--json").out)
    assert told["removed"]["org_id"] is None
    assert [one["org_id"] for one in told["left"]] == ["acme"]


def test_a_list_ends_at_its_limit(run: Run) -> None:
    for name in ("a", "b", "c"):
        run("suppress", "add", f"{name}@example.org")
    assert "3 suppressed, 2 shown." in run("suppress", "list", "--limit", "2").out


def test_an_address_is_allowed_again_by_its_name_or_fingerprint(run: Run) -> None:
    for spelt in ("ada@example.org", ADA):
        run("suppress", "add", "ada@example.org", "--org", "acme")
        removed = run("suppress", "remove", spelt, "--org", "acme")
        assert (removed.code, removed.out) == (
            0,
            f"The address {ADA} may get mail of acme again.\n",
        )
    assert "0 suppressed" in run("suppress", "list").out


def test_what_still_stands_against_an_address_is_told(run: Run) -> None:
    run("suppress", "add", "ada@example.org", "--org", "acme")
    removed = run("suppress", "remove", "ada@example.org")
    assert removed.code == 1
    assert "Nothing stands against this address everywhere." in removed.err
    assert "still suppressed for acme: operator" in removed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "ada"),
        ("add", "a b@example.org"),
        ("add", "ada@example.org", "--org", "no org"),
        ("add", "ada@example.org", "--note", "ADA@example.org left"),
        ("remove", "ada"),
        ("list", "--email", "ada"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    run: Run, arguments: tuple[str, ...]
) -> None:
    assert run("suppress", *arguments).code == 2


def test_why_tells_that_the_mail_came_back(run: Run, session: MemorySession) -> None:
    async def story() -> None:
        claim = await session.store.ledger.claim(an_event(), receipt="r-1")
        assert isinstance(claim, Claim)
        await session.store.ledger.record(claim, Report(Sent(), "password_change", None, ADA))
        session.clock.advance(timedelta(minutes=1).total_seconds())
        await session.store.suppressions.bounced("acme", ADA, "5.1.1", "evt-1")

    asyncio.run(story())
    told = run("why", "evt-1").out
    assert "the mail came back: 5.1.1; the address gets no mail for acme, until 2026-11-25" in told


def test_why_tells_how_to_take_a_suppression_away(run: Run, session: MemorySession) -> None:
    async def story() -> None:
        claim = await session.store.ledger.claim(an_event(), receipt="r-1")
        assert isinstance(claim, Claim)
        outcome = Skipped(SkipReason.SUPPRESSED, "operator, everywhere, since today")
        await session.store.ledger.record(claim, Report(outcome, "password_change", None, ADA))

    asyncio.run(story())
    told = " ".join(run("why", "evt-1").out.split())
    assert f"If the address works again: `dispatcher suppress remove {ADA}`." in told
