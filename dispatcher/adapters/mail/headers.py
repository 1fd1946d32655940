"""Header values in wire form: phrases, unstructured text, mailboxes, dates.

Nothing given to these functions can end a line, start a header or smuggle an
encoded-word; ``email``'s own writer cannot promise that on every Python we support.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email import base64mime, quoprimime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from dispatcher.adapters.mail.addresses import Address
from dispatcher.errors import RenderError

_LINE: Final = 76  # RFC 2047 section 2: no longer line holds an encoded-word
_WORD: Final = 39  # octets per base64 word: 64 characters, so "Subject: " fits before it
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def mailbox(field: str, name: str, address: Address) -> str:
    """Return the header *field* that holds this one mailbox, its line end included.

    Args:
        field: The header's name, ``To``.
        name: The name to show; may be empty.
        address: The address, strictly parsed.

    Raises:
        RenderError: The name has a control character or a lone surrogate.
    """
    if not name:
        return f"{field}: {address.spec}\r\n"
    shown = _phrase(name)
    line = f"{field}: {shown} <{address.spec}>\r\n"
    if "\r" in shown or len(line) > _LINE:
        return f"{field}: {shown}\r\n <{address.spec}>\r\n"
    return line


@lru_cache(maxsize=1024)
def unstructured(field: str, text: str) -> str:
    """Return the header *field* that holds this text, folded, its line end included.

    Raises:
        RenderError: The text has a control character or a lone surrogate.
    """
    _refuse_controls(text)
    plain = text.isascii() and "=?" not in text and len(field) + 2 + len(text) <= _LINE
    return f"{field}: {text if plain else encoded_words(text)}\r\n"


def date(moment: datetime) -> str:
    """Return the moment, aware UTC, as RFC 5322 section 3.3 writes it."""
    return _date(moment.replace(microsecond=0))


@lru_cache(maxsize=16)
def _date(second: datetime) -> str:
    return format_datetime(second)


def _phrase(name: str) -> str:
    _refuse_controls(name)
    # "=" with "?" might be read as an encoded-word by a lenient parser, quoted or not.
    if name.isascii() and not ("=" in name and "?" in name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return encoded_words(name)


def encoded_words(text: str) -> str:
    """Return *text* as RFC 2047 encoded-words, one a line; safe in phrases too."""
    octets = text.encode()
    if len(octets) <= _WORD:
        readable = quoprimime.header_encode(octets, "utf-8")
        compact = base64mime.header_encode(octets, "utf-8")
        return min(readable, compact, key=len)
    return "\r\n ".join(base64mime.header_encode(word, "utf-8") for word in _words(text))


def _words(text: str) -> Iterator[bytes]:
    word = b""
    for character in text:  # RFC 2047 section 5: no character is split between two words
        octets = character.encode()
        if len(word) + len(octets) > _WORD:
            yield word
            word = b""
        word += octets
    yield word


def _refuse_controls(text: str) -> None:
    if not text.isprintable() and _FORBIDDEN.search(text):
        raise RenderError("a header value has a control character")
