"""Texts in files: ``ORG/KIND/LANGUAGE.toml``, so that they can be kept under version control."""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from dispatcher.cli import output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.organization import organization
from dispatcher.cli.session import OpenStore
from dispatcher.errors import InvalidLook, LookNotFound
from dispatcher.look import Look
from dispatcher.looks import TextChanges
from dispatcher.texts import LARGEST

Wanted = Mapping[str, TextChanges]
"""What to set, by organization."""

_STDIN: Final = "-"
_STYLES: Final = {"refused": output.bad, "changed": output.good}


def read(file: str) -> Mapping[str, str]:
    """Return the texts of a file, by name.

    Raises:
        UsageError: It cannot be read, or is not of that form.
    """
    try:
        source = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
        found = tomllib.loads(source)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    for name, text in found.items():
        if name not in LARGEST or not isinstance(text, str):
            there = ", ".join(LARGEST)
            raise UsageError(f"{file}: {name}: expected strings with the names {there}")
    return found


def read_folder(folder: str) -> Wanted:
    """Return the texts of a folder.

    Raises:
        UsageError: There is no file, or one cannot be read or stands where none belongs.
    """
    wanted: dict[str, dict[tuple[str, str], Mapping[str, str | None]]] = {}
    root = Path(folder)
    for path in sorted(root.rglob("*.toml")):
        parts = path.relative_to(root).with_suffix("").parts
        if len(parts) != len(("org", "kind", "language")):
            raise UsageError(f"{path}: expected ORG/KIND/LANGUAGE.toml in {folder}")
        org, kind, language = parts
        texts = dict.fromkeys(LARGEST) | dict(read(str(path)))
        wanted.setdefault(organization(org), {})[kind, language] = texts
    if not wanted:
        raise UsageError(f"{folder}: there is no ORG/KIND/LANGUAGE.toml in it")
    return wanted


async def load(store: OpenStore, wanted: Wanted, *, only_check: bool) -> Sequence[dict[str, Any]]:
    """Set texts; return what became of each organization's."""
    effects: list[dict[str, Any]] = []
    for org, changes in wanted.items():
        about = {"organization": org, "texts": [f"{kind}/{tag}" for kind, tag in changes]}
        try:
            effect = await _set(store, org, changes, only_check=only_check)
        except InvalidLook as error:
            effects.append({**about, "effect": "refused", "detail": str(error)})
        else:
            effects.append({**about, "effect": effect, "detail": ""})
    return effects


def rows(effects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str | Text]]:
    """Yield what became of each organization's texts as rows of a table."""
    for each in effects:
        shown = _STYLES.get(each["effect"], output.faint)
        told = ": ".join(filter(None, (each["effect"], each["detail"])))
        yield each["organization"], ", ".join(each["texts"]), shown(told)


async def _set(store: OpenStore, org: str, changes: TextChanges, *, only_check: bool) -> str:
    if not only_check:
        written = await store.looks.reword(org, changes)
        return "changed" if written.changed else "unchanged"
    try:
        look = await store.looks.get(org)
    except LookNotFound:
        look = Look(org)
    store.looks.with_texts(look, changes)
    return "usable"
