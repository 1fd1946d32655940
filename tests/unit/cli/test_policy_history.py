"""What was, and what would have been, at the command line."""

import json

import pytest

from dispatcher.delivery import Skipped, SkipReason
from tests.unit.cli.installation import MemorySession, Run


def test_the_history_tells_who_changed_what(run: Run) -> None:
    run("policy", "set", "acme", "on")
    run("policy", "set", "acme", "off")
    run("policy", "reset", "acme")
    words = run("policy", "history", "acme").out.splitlines()
    assert len(words) == 4
    assert "no policy" in words[1]
    assert "cli:" in words[1]
    changes = json.loads(run("policy", "history", "acme", "--json", "--limit", "2").out)["changes"]
    assert [(one["effect"], one["sequence"]) for one in changes] == [
        ("removed", "3"),
        ("changed", "2"),
    ]


def test_the_default_has_a_history_too(run: Run) -> None:
    run("policy", "default", "set", "on")
    (change,) = json.loads(run("policy", "default", "history", "--json").out)["changes"]
    assert (change["before"], change["after"]) == (None, {"passwordChange": True})


def test_a_dry_run_counts_what_would_be_different(run: Run, session: MemorySession) -> None:
    session.has(Skipped(SkipReason.POLICY_UNSET))
    answer = run("policy", "dry-run", "acme", "on", "--json")
    assert json.loads(answer.out)["total"] == {"events": 1, "told": 0, "wouldBeTold": 1}
    words = run("policy", "dry-run", "acme", "off", "--since", "1h").out
    assert "if off" in words
    assert "At most" in words


@pytest.mark.parametrize("arguments", [["a b", "on"], ["acme", "on", "--since", "soon"]])
def test_a_dry_run_of_nonsense_is_refused(run: Run, arguments: list[str]) -> None:
    assert run("policy", "dry-run", *arguments).code == 2
