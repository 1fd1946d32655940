"""A mail as its reader sees it by day or by night, whatever the browser's own setting."""

import re
from typing import Final

SCHEMES: Final = ("light", "dark")

_QUERY: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_HEAD: Final = re.compile(r"<head[^>]*>", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


def in_scheme(page: str, scheme: str) -> str:
    """Return a mail's HTML with its answers to one colour scheme for good.

    Args:
        page: The HTML.
        scheme: ``light`` or ``dark``.
    """
    decided = _QUERY.sub(lambda query: _ALWAYS if query[1].lower() == scheme else _NEVER, page)
    # The canvas, scroll bars and links of a mail that names no colours follow the scheme, too.
    canvas = f"<style>:root{{color-scheme:{scheme} !important}}</style>"
    return _HEAD.sub(lambda head: head[0] + canvas, decided, count=1)
