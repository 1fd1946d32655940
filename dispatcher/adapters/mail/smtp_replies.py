"""SMTP replies as they come off the wire. No I/O: bytes in, replies out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 4096
"""Bytes of one reply line; RFC 5321 section 4.5.3.1.5 allows 512, some relays say more."""

MAX_REPLY: Final = 32 * 1024
"""Bytes of a whole multi-line reply: what a relay can make us keep."""

_MAX_TEXT: Final = 200
_ENHANCED: Final = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")  # RFC 2034 section 4
_ADDRESS: Final = re.compile(r"""(?:"[^"]*"|[^\s<>"]*)@[^\s<>"]*""")
_HINT: Final = re.compile(
    rb"\b(?:in|after|for|wait)\s+(\d{1,5})\s*(s|sec|seconds?|m|min|minutes?)\b", re.IGNORECASE
)
_MINUTE: Final = 60.0
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class GarbledReply(ValueError):
    """What the relay sent is no SMTP reply: nothing that follows can be trusted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its code, and the text of its lines joined by spaces."""

    code: int
    text: bytes

    @property
    def severity(self) -> int:
        """Return the code's first digit: 2 done, 3 go on, 4 not now, 5 never."""
        return self.code // 100

    @property
    def enhanced(self) -> str:
        """Return the enhanced status code (RFC 3463), or ""."""
        found = _ENHANCED.match(self.text)
        return found.group().decode() if found else ""


class ReplyReader:
    """Cuts a stream into replies, however it is split into packets."""

    __slots__ = ("_code", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = 0
        self._size = 0

    def feed(self, received: bytes) -> Iterator[Reply]:
        """Yield each reply that *received* completes.

        Replies before a garbled one are yielded first: they count.

        Raises:
            GarbledReply: A line has no code, codes differ within a reply, or it is too long.
        """
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            if self._is_last(line):
                yield self._complete()
        if len(self._rest) > MAX_LINE:
            raise GarbledReply("a reply line without an end")

    def _is_last(self, line: bytes) -> bool:
        digits, mark = line[:3], line[3:4]
        if not (digits.isdigit() and b"200" <= digits < b"600" and mark in b" -\r"):
            raise GarbledReply("a line that is no reply")
        code = int(digits)
        self._size += len(line)
        if self._lines and code != self._code:
            raise GarbledReply("a reply with two codes")
        if len(line) > MAX_LINE or self._size > MAX_REPLY:
            raise GarbledReply("an over-long reply")
        self._code = code
        self._lines.append(line[4:].strip())
        return mark != b"-"

    def _complete(self) -> Reply:
        lines = self._lines
        reply = Reply(self._code, lines[0] if len(lines) == 1 else b" ".join(lines))
        self._lines, self._size = [], 0
        return reply


def hinted_wait(text: bytes) -> float:
    """Return the seconds that a relay asks us to wait, "try again in 5 minutes"; 0.0 for none."""
    found = _HINT.search(text)
    if found is None:
        return 0.0
    return float(found[1]) * (_MINUTE if found[2][:1] in b"mM" else 1.0)


def printable(text: bytes, *addresses: str) -> str:
    """Return a reply's text as a log may hold it: no address, no control character, short.

    Args:
        text: What the relay said.
        addresses: Addresses whose local parts are removed too, wherever they stand.
    """
    plain = _CONTROLS.sub(" ", text[: 4 * _MAX_TEXT].decode("utf-8", "replace"))
    plain = _ADDRESS.sub("(address)", plain)
    for address in addresses:
        if local := address.rpartition("@")[0]:
            whole_word = rf"(?<!\w){re.escape(local)}(?!\w)"
            plain = re.sub(whole_word, "(address)", plain, flags=re.IGNORECASE)
    return plain.strip()[:_MAX_TEXT]
