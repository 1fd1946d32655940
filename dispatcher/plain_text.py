"""Plain text as organizations may set it: measured, and without what cannot be shown."""

import re
from typing import Final

from dispatcher.errors import InvalidLook

# Controls, what turns the writing direction round, lone surrogates, noncharacters.
_UNUSABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def plain_text(text: str, *, size: int, one_line: bool) -> str:
    """Return the text without white space around it, its lines divided by line feeds.

    Args:
        text: What was given.
        size: Bytes in UTF-8 that it may have.
        one_line: Whether it may have no line breaks.

    Raises:
        InvalidLook: It cannot be used; says why, and where.
    """
    text = text.replace("\r\n", "\n").strip()
    octets = len(text.encode(errors="surrogatepass"))
    if octets > size:
        raise InvalidLook(f"has {octets:,} bytes; at most {size:,}")
    found = _UNUSABLE.search(text)
    if found:
        place = _place(text, found.start())
        raise InvalidLook(f"{place}: U+{ord(found[0]):04X} cannot be shown in a mail")
    if one_line and "\n" in text:
        raise InvalidLook(f"{_place(text, text.index(chr(10)))}: a line break; expected one line")
    return text


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"
