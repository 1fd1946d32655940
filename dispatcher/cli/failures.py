"""Exit codes, and the one place where an error becomes a message and a code."""

from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from dispatcher.cli import output
from dispatcher.errors import (
    ConfigError,
    ConnectionNotFound,
    DispatcherError,
    LookNotFound,
    PolicyNotFound,
    RejectedInput,
    SenderNotFound,
    StoreUnavailable,
    TokenNotFound,
)


class ExitCode(IntEnum):
    """What a command's exit code means."""

    OK = 0
    NO = 1
    """The answer is no: not found, nothing done, or a check failed."""
    USAGE = 2
    """The command line, its input or the settings are wrong."""
    AWAY = 3
    """The store or the broker does not answer."""
    INTERRUPTED = 130
    """Ctrl-C, by the shell's convention of 128 and the signal's number."""


class UsageError(DispatcherError):
    """The command line asks for something that makes no sense; the text says what would."""


def exit_code(error: DispatcherError) -> ExitCode:
    """Return the code that an error ends a command with."""
    match error:
        case StoreUnavailable():
            return ExitCode.AWAY
        case (
            PolicyNotFound()
            | SenderNotFound()
            | LookNotFound()
            | ConnectionNotFound()
            | TokenNotFound()
        ):
            return ExitCode.NO
        case ConfigError() | RejectedInput() | UsageError():
            return ExitCode.USAGE
        case _:
            return ExitCode.NO


class Commands(TyperGroup):
    """The commands, with expected errors told in words: no traceback, a code that means it."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps the type to itself
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except DispatcherError as error:
            _tell(error)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            output.note("interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from None


def _tell(error: DispatcherError) -> None:
    mistakes = str(error).splitlines()
    if isinstance(error, ConfigError):
        output.note(output.bad("The settings cannot work:"))
        for mistake in mistakes:
            output.note(f"  • {mistake}")
        return
    if isinstance(error, StoreUnavailable):
        mistakes.append("`dispatcher doctor` tells what does not answer, and what to mend.")
    first, *rest = mistakes or [type(error).__name__]
    output.note(output.bad(first))
    for line in rest:
        output.note(line)
