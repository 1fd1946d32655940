"""The argument ORG of commands about one organization."""

from typing import Annotated

import typer

from dispatcher.cli.failures import UsageError

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
