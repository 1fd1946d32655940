"""Reading what directories answer: any part may be missing, or something else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

_STEPS: Final = frozenset({"", ".", ".."})
_LONGEST: Final = 256


def escaped(text: str) -> str | None:
    """Return an id as one step of a path; None where it can be none, so that nobody has it."""
    if text in _STEPS or len(text) > _LONGEST:
        return None
    return quote(text.encode(errors="replace"), safe="")


def part(parent: object, *path: str) -> Mapping[str, Any]:
    """Return the object at the end of a path; an empty one where there is none."""
    for name in path:
        parent = parent.get(name) if isinstance(parent, Mapping) else None
    return parent if isinstance(parent, Mapping) else {}


def items(parent: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Return a list; an empty one where there is none."""
    found = parent.get(name)
    return found if isinstance(found, list) else ()


def joined(*names: object) -> str:
    """Return the names that there are as one."""
    return " ".join(name for name in names if isinstance(name, str) and name)


def language(said: object) -> object:
    """Return a language as BCP 47 writes it: some say ``en_US``."""
    return said.replace("_", "-") if isinstance(said, str) else said
