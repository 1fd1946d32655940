"""Wrapping: a paragraph becomes lines that fit a mail's text part, in any script."""

import re
from collections.abc import Iterator
from typing import Final
from unicodedata import combining, east_asian_width

WIDTH: Final = 72
"""Columns of a line; replies that quote it stay below 78 (RFC 5322 section 2.1.1)."""

# Chinese and Japanese break anywhere but after what opens, and before what closes or is small.
_OPENING: Final = "「『〈《【\uff08"
_CLOSING: Final = (
    "」』〉》】\uff09、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1fー…々"
    "ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
)
_FREE: Final = "\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PIECE: Final = re.compile(
    rf" *[{_OPENING}]*(?:[{_FREE}][{_CLOSING}]*|[^ {_FREE}{_OPENING}]+|[{_OPENING}])"
)


def wrap(text: str) -> str:
    """Return the paragraph as lines of at most 72 columns, save for a longer word."""
    return "\n".join(_lines(text.strip()))


def _lines(text: str) -> Iterator[str]:
    line, used = "", 0
    for piece in _PIECE.findall(text):
        columns = _columns(piece)
        if line and used + columns > WIDTH:
            yield line
            line, used = "", 0
            piece = piece.lstrip(" ")  # noqa: PLW2901 - a line begins without the space
            columns = _columns(piece)
        line, used = line + piece, used + columns
    yield line


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        2 if east_asian_width(character) in "WF" else not combining(character) for character in text
    )
