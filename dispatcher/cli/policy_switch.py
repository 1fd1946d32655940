"""The switch of a policy, as people say it."""

from enum import StrEnum
from typing import Annotated

import typer


class Switch(StrEnum):
    """Whether people are told."""

    ON = "on"
    OFF = "off"


Value = Annotated[
    Switch, typer.Argument(metavar="on|off", help="on: people are told; off: they are not.")
]
