"""What a log line must not hold, in either style."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from dispatcher.adapters.observers.logs import configure_logs


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_traceback_shows_no_variables(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", style=style)

    def fail(token: str) -> None:
        raise ZeroDivisionError(str(len(token)))

    try:
        fail("ndt_" + "secret")
    except ZeroDivisionError:
        structlog.get_logger("test").exception("it failed")
        logging.getLogger("test").exception("it failed again")
    told = capsys.readouterr().err
    assert "ndt_secret" not in told
    assert told.count("ZeroDivisionError: 10") == 2
