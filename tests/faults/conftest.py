"""A scenario for each test, and the table of all rows in the end."""

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults import report
from tests.faults.audit import Row
from tests.faults.long_run import opened
from tests.faults.scenario import Scenario

Record = Callable[[Row], None]

_ROW: Final = "fault row"
_CONTROL: Final = "fault control"
"""Under this name a test against stock kombu says what became of it there."""
_rows: pytest.StashKey[list[str]] = pytest.StashKey[list[str]]()
_controls: pytest.StashKey[list[str]] = pytest.StashKey[list[str]]()
_skipped: pytest.StashKey[list[str]] = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run say where its results go, and from which seed it works."""
    parser.addoption("--report", metavar="PAGE", help="write the table of results into this page")
    parser.addoption("--seed", type=int, help="the seed of all that is random")


def pytest_configure(config: pytest.Config) -> None:
    """Collect rows wherever the tests run."""
    config.stash[_rows] = []
    config.stash[_controls] = []
    config.stash[_skipped] = []
    config.pluginmanager.register(_Collector(config), "fault-rows")


class _Collector:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            for kind, collected in ((_ROW, _rows), (_CONTROL, _controls)):
                found = [str(text) for name, text in report.user_properties if name == kind]
                self._config.stash[collected].extend(found)
        if report.skipped and isinstance(report.longrepr, tuple):
            name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
            self._config.stash[_skipped].append(f"{name}: {report.longrepr[2]}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows = [json.loads(text) for text in self._config.stash[_rows]]
        if not rows:
            return
        controls, skipped = self._config.stash[_controls], self._config.stash[_skipped]
        text = report.short_runs(rows, controls, skipped)
        terminalreporter.section("faults")
        terminalreporter.write_line(text)
        if page := self._config.getoption("--report", None):
            report.write(Path(page), "faults", text)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the run's seed; a row prints it, and ``--seed`` repeats it."""
    chosen = request.config.getoption("--seed", None)
    return int(chosen if chosen is not None else random.SystemRandom().randrange(10**6))


@pytest.fixture
def record(record_property: Callable[[str, object], None]) -> Record:
    """Take a row into the table."""
    return lambda row: record_property(_ROW, json.dumps(row.as_plain()))


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: socket paths may have 107 bytes only.
    made = Path(tempfile.mkdtemp(prefix="ndf"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def open_scenario(seed: int) -> Callable[[Path], AbstractContextManager[Scenario]]:
    """Return what opens a scenario in a folder: Valkey and a relay run, workers do not yet."""
    return partial(opened, seed=seed)


@pytest.fixture
def scenario(
    folder: Path, open_scenario: Callable[[Path], AbstractContextManager[Scenario]]
) -> Iterator[Scenario]:
    with open_scenario(folder) as made:
        yield made


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
