"""``dispatcher health``: are this machine's processes well? For health checks of containers."""

from typing import Annotated, Final

import typer

from dispatcher.adapters.monitoring.vitals import Role, Vitals
from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.output import AsJson

_PATIENCE: Final = 3.0
"""Seconds that a process has to answer; who asks once cannot see for how long it has not."""


def command(
    *,
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask, too, whether they do what they are there for.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the workers and the API's processes of this data folder whether they are well.

    Each is asked on a socket of its own under DISPATCHER_DATA_DIR; neither store nor broker is
    needed, nor a free port. Alive is whose event loop turns. Ready is a worker that consumes: a
    message of its own came back through broker, pool and store within the last seconds; and a
    process of the API whose store answers.

    Ends with **0** when all are well, with **1** when one is not, or none is there.

    For example, in a container:

        dispatcher health --ready
    """
    import asyncio

    from dispatcher.adapters.monitoring import verdict
    from dispatcher.adapters.monitoring.crew import Crew
    from dispatcher.adapters.standalone.run_folder import run_folder
    from dispatcher.settings import load_settings

    folder = run_folder(load_settings().data_dir)
    crew = asyncio.run(Crew(folder.sockets, within=_PATIENCE, stuck=0.0).vitals())
    found = verdict.ready(crew, frozenset(Role)) if ready else verdict.alive(crew)
    if as_json:
        output.document(found.told())
    else:
        unwell = {each.process for each in found.unwell}
        output.table(
            ("", "process", "pid", "why"),
            (
                (output.state("fail" if each.process in unwell else "ok"), *_words(each))
                for each in found.processes
            ),
        )
        if found.missing:
            output.say(output.bad(found.missing))
    if not found.is_well:
        raise typer.Exit(ExitCode.NO)


def _words(vitals: Vitals) -> tuple[str, str, str]:
    return vitals.process, str(vitals.pid or ""), vitals.reason
