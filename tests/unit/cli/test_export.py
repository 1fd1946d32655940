"""Dead letters written as lines of JSON."""

import json
import stat
from pathlib import Path

from dispatcher.cli.failures import ExitCode
from dispatcher.delivery import DeadReason
from tests.unit.cli.installation import MemorySession, Run


def test_dead_letters_are_written_as_lines_without_personal_fields(
    run: Run, session: MemorySession
) -> None:
    session.has_dead("a")
    session.has_dead("b", org="globex", reason=DeadReason.EXPIRED)
    answer = run("dead", "export")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert {line["event_id"] for line in lines} == {"a", "b"}
    assert {line["event"]["user"]["email"] for line in lines} == {"a•••@example.org"}
    assert all("history" in line for line in lines)
    assert answer.err == "2 dead letters written.\n"


def test_only_what_is_asked_for_is_written(run: Run, session: MemorySession) -> None:
    session.has_dead("a")
    session.has_dead("b", org="globex", reason=DeadReason.EXPIRED)
    for wanted in (("--org", "globex"), ("--reason", "expired")):
        (line,) = run("dead", "export", *wanted).out.splitlines()
        assert json.loads(line)["event_id"] == "b"


def test_a_file_is_its_owners_alone_and_whole_when_revealed(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    session.has_dead("a")
    file = tmp_path / "dead.jsonl"
    assert run("dead", "export", "--reveal", str(file)).out == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["event"]["user"]["email"] == "ada@example.org"


def test_a_file_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    answer = run("dead", "export", str(tmp_path / "missing" / "dead.jsonl"))
    assert answer.code == ExitCode.USAGE
    assert "No such file" in answer.err
