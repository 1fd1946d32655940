"""``dispatcher worker``: worker processes, kept alive and stopped in order."""

from typing import Annotated

import typer


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

    Ends with **0** after an orderly stop, by Ctrl-C too; with **1** when a process had to be
    killed; with **2** when the settings are wrong.

    Where something else starts again what dies (a container, a systemd unit), run
    `celery -A dispatcher worker` instead: the same worker, without a parent process.

    For example:

        dispatcher worker --processes 2 --concurrency 256
    """
    from dispatcher.cli.worker_run import run

    raise typer.Exit(run(processes, concurrency))
