"""The Lua scripts of the transport: each one atomic step on the broker."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the digest EVALSHA knows it by."""

    text: str
    digest: str


#: What an EVALSHA of a script the server lost (restart, SCRIPT FLUSH, fail-over) answers.
NO_SCRIPT: Final = "NOSCRIPT"

#: The parts that a script shares with others; they stand in front of it.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "take": ("aside", "lanes", "rotation"),
    "quarantine": ("clock", "aside"),
    "give_back": ("clock", "aside", "lanes", "homing"),
    "unsort": ("lanes",),
    "attend": ("clock",),
    "keep": ("clock", "aside", "lanes", "homing"),
}


@cache
def script(name: str) -> Script:
    """Load a script of this folder by its name without suffix, with the parts it needs."""
    folder = files(__name__)
    parts = (*_PARTS.get(name, ()), name)
    text = "".join((folder / f"{part}.lua").read_text("utf-8") for part in parts)
    # Redis identifies scripts by SHA-1; it is a name here, not a protection.
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
