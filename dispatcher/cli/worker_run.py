"""Running worker processes until told to stop."""

import os
import sys
from collections.abc import Mapping
from typing import Final

from dispatcher import bootstrap
from dispatcher.adapters.standalone.child import Command
from dispatcher.adapters.standalone.supervisor import EXIT_CONFIG, Supervisor
from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode
from dispatcher.settings import Settings, environment_with, load_settings

_MARGIN: Final = 5.0
"""Seconds a process gets beyond its own grace to hand back what it did not finish."""


def run(processes: int, concurrency: int | None) -> ExitCode:
    """Run workers until a signal; return how it ended.

    Args:
        processes: How many; one takes the place of this process and does not return.
        concurrency: Events in flight in each, or None for what the settings say.

    Raises:
        ConfigError: The settings cannot work; nothing was started.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    settings = load_settings()
    bootstrap.check(settings)
    changed = {} if concurrency is None else {"concurrency": str(concurrency)}
    if processes == 1:
        _become_worker(changed)
    return _supervise(settings, processes, changed)


def _argv(name: str) -> tuple[str, ...]:
    celery = (sys.executable, "-m", "celery", "-A", "dispatcher")
    return (*celery, "worker", "--hostname", f"{name}@%h")


def _become_worker(changed: Mapping[str, str]) -> None:
    argv = _argv("worker1")
    os.execve(argv[0], argv, environment_with(**changed))  # noqa: S606 - our own program, no shell


def _supervise(settings: Settings, processes: int, changed: Mapping[str, str]) -> ExitCode:
    places = bootstrap.endpoints(settings)
    environment = environment_with(
        broker_url=places.broker_url, store_url=places.store_url, **changed
    )
    names = [f"worker{number}" for number in range(1, processes + 1)]
    supervisor = Supervisor(
        [Command(name, _argv(name), environment) for name in names],
        grace=settings.stop_grace + _MARGIN,
        on_line=output.passed_on,
    )
    code = supervisor.run()
    if code == EXIT_CONFIG:
        return ExitCode.USAGE
    return ExitCode.OK if code == 0 else ExitCode.NO
