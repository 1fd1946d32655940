"""Every command of ours that a page for operators shows is one that exists, as it is written."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.core import TyperGroup

from dispatcher.cli import app
from tests.acceptance.compose import ROOT

PAGES: Final = [
    page
    for page in (
        *sorted((ROOT / "docs/runbooks").glob("*.md")),
        ROOT / "docs/operating.md",
        ROOT / "docs/sizing.md",
        ROOT / "docs/scale.md",
    )
    if page.exists()
]
_CONSOLE: Final = re.compile(r"^([ \t]*)```console\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_OURS: Final = re.compile(r"(?:^\s*\$ |exec worker | -- )(dispatcher [a-z].*)")
"""Written as it is, or behind what runs it in a container."""
_REST: Final = re.compile(r" [|>&<]|; | +#")


def _commands(page: Path) -> Iterator[str]:
    for block in _CONSOLE.finditer(page.read_text()):
        for line in block[2].replace("\\\n", " ").splitlines():
            if found := _OURS.search(line):
                yield _REST.split(found[1])[0]


WRITTEN: Final = sorted({line for page in PAGES for line in _commands(page)})


def _parse(line: str) -> None:
    """Read a command as the program would, without doing what it says."""
    name, *rest = shlex.split(line)
    command: Any = typer.main.get_command(app)
    context = None
    while isinstance(command, TyperGroup):
        context = command.make_context(name, rest, parent=context)
        words = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, words)  # type: ignore[assignment]  # it raises where it finds none
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("line", WRITTEN)
def test_a_written_command_is_understood(line: str) -> None:
    _parse(line)


@pytest.mark.parametrize("line", ["dispatcher dead lst", "dispatcher dead list --reson x"])
def test_a_mistake_is_seen(line: str) -> None:
    with pytest.raises(Exception, match="No such"):
        _parse(line)
