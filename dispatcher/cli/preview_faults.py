"""What is wrong with a template, and where its author finds it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Final

from jinja2 import TemplateSyntaxError

from dispatcher.errors import DispatcherError

_TAG: Final = re.compile(r"\{[{%].*?[%}]\}|\{[{%].*")
_QUOTED_NAME: Final = re.compile(r"'(\w+)'")


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a template.

    Args:
        text: What is wrong.
        place: The file and line it was found at, or "" where the text says it.
        excerpt: That line, or "".
    """

    text: str
    place: str = ""
    excerpt: str = ""


def explain(error: DispatcherError, folders: Sequence[Path]) -> Fault:
    """Return a fault in its author's terms.

    A template is compiled as a whole with its layout, restyled, so the compiler's line is
    not the file's: what stands there is looked up in the files.

    Args:
        error: What loading or rendering raised.
        folders: The template folders, the one that counts most first.
    """
    cause = error.__cause__
    if isinstance(cause, TemplateSyntaxError):
        name, lines = cause.filename or cause.name or "", (cause.source or "").splitlines()
        tags = _TAG.findall(lines[cause.lineno - 1]) if cause.lineno <= len(lines) else []
        return _placed(cause.message or str(error), name, tags, folders)
    if cause is not None and (name := _template_in(cause)):
        return _placed(str(cause), name, _QUOTED_NAME.findall(str(cause)), folders)
    return Fault(str(error))


def _template_in(cause: BaseException) -> str:
    """Return the template that an error rose from, or ""."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(cause.__traceback__)]
    return next((name for name in reversed(files) if name.endswith((".html", ".txt"))), "")


def _placed(text: str, name: str, marks: Iterable[str], folders: Sequence[Path]) -> Fault:
    for path in _files(name, folders):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for mark in marks:
            for number, line in enumerate(lines, start=1):
                if mark in line:
                    return Fault(text, f"{path}, line {number}", line.strip())
    return Fault(text, name)


def _files(name: str, folders: Sequence[Path]) -> Iterable[Path]:
    """Yield the files that a template is made of: its own, its layout, what kinds tell alike."""
    shared = {
        f"_layout/{path.name}"
        for folder in folders
        for path in folder.glob(f"_layout/*{Path(name).suffix}")
    }
    for part in (name, *sorted(shared)):
        found = next((path for folder in folders if (path := folder / part).is_file()), None)
        if found is not None:
            yield found
