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


@cache
def script(name: str, *, shares: bool = True) -> Script:
    """Load a script of this folder by its name without suffix.

    Args:
        name: File name without `.lua`.
        shares: Put the helpers of `prelude.lua` in front.
    """
    folder = files(__name__)
    text = (folder / f"{name}.lua").read_text("utf-8")
    if shares:
        text = (folder / "prelude.lua").read_text("utf-8") + text
    # Redis identifies scripts by SHA-1; it is a name here, not a protection.
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
