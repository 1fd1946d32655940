"""``dispatcher worker``: worker processes, kept alive and stopped in order."""

import sys
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode

_MARGIN: Final = 5.0
"""Seconds a process gets beyond its own grace to hand back what it did not finish."""


def command(
    *,
    processes: Annotated[int, typer.Option(min=1, max=256, help="How many processes.")] = 1,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="Events in flight per process, instead of DISPATCHER_CONCURRENCY.",
        ),
    ] = None,
) -> None:
    """Run workers: they take events from the queue and tell people.

    Wrong settings are told before anything starts. A process that dies is started again.
    Ctrl-C (or SIGTERM) stops in order: what is in flight is finished within
    DISPATCHER_STOP_GRACE seconds, what is not goes back to the queue. A second Ctrl-C stops
    at once, and still loses nothing.

    One process is the same as `celery -A dispatcher worker`.

    For example:

        dispatcher worker --processes 2 --concurrency 256
    """
    from dispatcher import bootstrap
    from dispatcher.settings import load_settings

    settings = load_settings()
    bootstrap.check(settings)
    changed = {} if concurrency is None else {"concurrency": str(concurrency)}
    if processes == 1:
        _become(changed)
    places = bootstrap.endpoints(settings)
    changed |= {"broker_url": places.broker_url, "store_url": places.store_url}
    raise typer.Exit(_keep(processes, changed, grace=settings.stop_grace))


def _argv(name: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "dispatcher",
        "worker",
        "--hostname",
        f"{name}@%h",
    )


def _become(changed: Mapping[str, str]) -> None:
    import os

    from dispatcher.settings import environment_with

    argv = _argv("worker1")
    os.execve(argv[0], argv, environment_with(**changed))  # noqa: S606 - our own program, no shell


def _keep(processes: int, changed: Mapping[str, str], *, grace: float) -> ExitCode:
    from dispatcher.adapters.standalone.child import Command
    from dispatcher.adapters.standalone.supervisor import EXIT_CONFIG, Supervisor
    from dispatcher.settings import environment_with

    environment = environment_with(**changed)
    names = [f"worker{number}" for number in range(1, processes + 1)]
    supervisor = Supervisor(
        [Command(name, _argv(name), environment) for name in names],
        grace=grace + _MARGIN,
        on_line=lambda name, line: output.note(f"{name} │ {line}"),
    )
    code = supervisor.run()
    if code == EXIT_CONFIG:
        return ExitCode.USAGE
    return ExitCode.OK if code == 0 else ExitCode.NO
