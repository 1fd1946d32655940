"""``dispatcher demo``: the main job for real, on examples, with everything it needs at hand."""

from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode


def command(
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where to keep what it makes; by default demo/ in the data folder."),
    ] = None,
    as_json: output.AsJson = False,
) -> None:
    """Run the main job for real, on example events, and check every outcome.

    It needs nothing but this program: it starts an embedded Valkey, a Celery worker and an
    SMTP inbox of its own, sets policies through the update task, publishes every example as
    any Celery producer would, and stops everything again. The mails stay, as .eml files.

    Exits with 0 only if every event came to the outcome that its line expects.

    For example:

        dispatcher demo

        dispatcher demo --json | jq '.events[] | select(.outcome == "dead")'
    """
    from dispatcher.cli import demo_report, demo_stage

    report = demo_stage.perform(data_dir, quiet=as_json)
    if as_json:
        output.document(demo_report.document(report))
    else:
        demo_report.show(report)
    raise typer.Exit(ExitCode.OK if report.passed else ExitCode.NO)
