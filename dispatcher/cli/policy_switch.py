"""The switches of a policy, as people say them."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from dispatcher.cli.failures import UsageError
from dispatcher.errors import UnknownTrigger
from dispatcher.triggers import Trigger, discover
from dispatcher.triggers.password_change import TRIGGER

USUAL: Final = TRIGGER.switch
"""The switch that is meant where none is named."""


class Switch(StrEnum):
    """Whether people are told."""

    ON = "on"
    OFF = "off"


Value = Annotated[
    Switch, typer.Argument(metavar="on|off", help="on: people are told; off: they are not.")
]
KindSwitch = Annotated[
    str, typer.Option("--switch", metavar="SWITCH", help="Which kind of mail, such as emailChange.")
]


def kind(switch: str) -> Trigger:
    """Return the kind of mail that a switch permits.

    Raises:
        UsageError: None has that switch.
    """
    try:
        return discover().for_switch(switch)
    except UnknownTrigger as error:
        raise UsageError(f"--switch: {error}") from None
