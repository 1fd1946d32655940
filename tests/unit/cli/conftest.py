"""The command line at work on an installation in memory."""

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from tests.unit.cli.installation import Answer, MemorySession, Run


@pytest.fixture
def session() -> MemorySession:
    return MemorySession()


@pytest.fixture
def run(session: MemorySession, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs the command line on the installation in memory."""
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: str, stdin: str = "") -> Answer:
        result = CliRunner().invoke(app, list(arguments), obj=session, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run
