"""What commands print: results on stdout, words to the person on stderr, colour for terminals only.

With ``--json`` a command prints one JSON document on stdout and nothing else there.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import IO, Annotated, Final

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from dispatcher.policy_wire import timestamp

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, for programs.")
]

_PIPE_WIDTH: Final = 240
"""Columns of a table that is not shown on a terminal: nothing is cut off for ``grep``."""

_STATE_STYLES: Final = {
    "sent": "green",
    "skipped": "cyan",
    "deferred": "yellow",
    "queued": "yellow",
    "claimed": "yellow",
    "dead": "red",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
    "skip": "dim",
}


def bad(text: str) -> Text:
    """Return a text as what went wrong looks."""
    return Text(clean(text), style="red")


def good(text: str) -> Text:
    """Return a text as what went well looks."""
    return Text(clean(text), style="green")


def faint(text: str) -> Text:
    """Return a text as a remark looks."""
    return Text(clean(text), style="dim")


def strong(text: str) -> Text:
    """Return a text as a title looks."""
    return Text(clean(text), style="bold")


def state(name: str) -> Text:
    """Return the name of a state in its colour."""
    return Text(name, style=_STATE_STYLES.get(name, ""))


def clean(text: str) -> str:
    """Return a text without what could steer a terminal: it may come from outside."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def document(value: object) -> None:
    """Print the one JSON document of a command."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_json)
    sys.stdout.write("\n")


def line(text: str) -> None:
    """Print one plain line of the result, quickly: there may be a million."""
    sys.stdout.write(f"{clean(text)}\n")


def say(*parts: RenderableType) -> None:
    """Print a part of the result."""
    console = _console(sys.stdout)
    for part in parts or ("",):
        console.print(Text(clean(part)) if isinstance(part, str) else part)


def note(*parts: RenderableType) -> None:
    """Tell the person something that is no part of the result."""
    console = _console(sys.stderr)
    for part in parts:
        console.print(Text(clean(part)) if isinstance(part, str) else part)


def passed_on(name: str, line: str) -> None:
    """Pass a child's line of output on to stderr; under its name where a person reads."""
    shown = line if line.isprintable() else clean(line)
    # Elsewhere a program may read, and a line of JSON shall stay one.
    sys.stderr.write(f"{name} │ {shown}\n" if sys.stderr.isatty() else f"{shown}\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print rows; a column whose name begins with ``>`` is aligned to the right."""
    console = _console(sys.stdout)
    with console.capture() as printed:
        console.print(grid(columns, rows))
    sys.stdout.writelines(f"{row.rstrip()}\n" for row in printed.get().splitlines())


def grid(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return rows as a table; a column whose name begins with ``>`` is aligned to the right."""
    made = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
        show_header=any(columns),
    )
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            column.removeprefix(">"), justify="right" if right else "left", overflow="fold"
        )
    for row in rows:
        made.add_row(*(Text(clean(cell)) if isinstance(cell, str) else cell for cell in row))
    return made


def terminal() -> Console:
    """Return the terminal that results are shown on."""
    return _console(sys.stdout)


def progress(what: str, *, quiet: bool = False) -> Progress:
    """Return a progress bar on stderr, shown only on a terminal.

    Args:
        what: What is being done.
        quiet: Show none at all.
    """
    console = _console(sys.stderr)
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


def waiting(what: str) -> AbstractContextManager[object]:
    """Show on stderr that something takes a moment; only on a terminal."""
    console = _console(sys.stderr)
    return console.status(what) if console.is_terminal else nullcontext()


def _console(file: IO[str]) -> Console:
    # Made anew each time: tests and programs replace sys.stdout.
    make = partial(Console, file=file, highlight=False, soft_wrap=False, emoji=False, markup=False)
    return make() if file.isatty() else make(width=_PIPE_WIDTH)


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
