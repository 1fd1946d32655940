"""What commands about one organization share: the argument ORG, and how its own is shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from dispatcher.cli import output
from dispatcher.cli.failures import UsageError
from dispatcher.look import Look
from dispatcher.sender import Sender
from dispatcher.stories.times import clock_time, relative

Org = Annotated[str, typer.Argument(metavar="ORG", help="The organization's id.")]


def organization(org: str) -> str:
    """Return the organization's id.

    Raises:
        UsageError: It is none.
    """
    from dispatcher.sources.native import valid_org_id

    valid = valid_org_id(org)
    if valid is None:
        raise UsageError("ORG: expected 1-64 characters of A-Za-z0-9._-")
    return valid


def say_fields(fields: Iterable[tuple[str, str]], own: Look | Sender, now: datetime) -> None:
    """Print the fields of what an organization has of its own, and when it last changed."""
    for what, said in fields:
        output.say(f"{what}: {said}")
    if own.changed_at:
        changed = f"{clock_time(own.changed_at)}, {relative(own.changed_at, now)}"
        output.say(output.faint(f"change {own.sequence}, {changed}"))
