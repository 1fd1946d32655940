"""What a page shows of a mail, read forgivingly: an inbox has to show broken mails too."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from typing import Final

_PARSER: Final = BytesParser(policy=policy.compat32)
_CID: Final = re.compile(r"""(["'(])cid:([^"')\s]+)""")
_HEAD: Final = re.compile(r"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a mail's MIME tree.

    Args:
        number: Its place, counted from 0.
        media_type: Such as ``text/html``.
        name: Its file name, or "".
        content_id: Its Content-ID without brackets, or "".
        disposition: ``inline``, ``attachment`` or "".
        content: Its decoded bytes.
    """

    number: int
    media_type: str
    name: str
    content_id: str
    disposition: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail taken apart.

    Args:
        headers: Names and decoded values, in order.
        html: The HTML alternative, or None.
        text: The text alternative, or None.
        parts: All leaves.
        source: The whole mail as text.
    """

    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    parts: tuple[Part, ...]
    source: str

    def header(self, name: str) -> str:
        """Return the first header of this name, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def read_headers(content: bytes) -> tuple[tuple[str, str], ...]:
    """Return the headers of a mail, unfolded and decoded."""
    return _headers(_PARSER.parsebytes(content, headersonly=True))


def take_apart(content: bytes) -> MailView:
    """Return what there is to see in a mail; never fails on a malformed one."""
    message = _PARSER.parsebytes(content)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return MailView(
        headers=_headers(message),
        html=_first_text(leaves, "text/html"),
        text=_first_text(leaves, "text/plain"),
        parts=tuple(_part(number, leaf) for number, leaf in enumerate(leaves)),
        source=content.decode("utf-8", "replace"),
    )


def as_page(view: MailView) -> str:
    """Return the HTML to show in a frame: inline images filled in, links open outside."""
    inline = {part.content_id: part for part in view.parts if part.content_id}

    def fill_in(match: re.Match[str]) -> str:
        part = inline.get(match[2])
        if part is None:
            return match[0]
        encoded = base64.b64encode(part.content).decode()
        return f"{match[1]}data:{part.media_type};base64,{encoded}"

    html = _CID.sub(fill_in, view.html or "")
    return _HEAD.sub(lambda head: f'{head[0]}<base target="_blank">', html, count=1)


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    return tuple((name, _decoded(str(value))) for name, value in message.raw_items())


def _decoded(raw: str) -> str:
    # A header in plain UTF-8 (RFC 6532) arrives as escaped bytes; others are ASCII.
    value = re.sub(r"\r?\n(?=[ \t])", "", raw)
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(value))) if value.isascii() else value
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return value


def _part(number: int, leaf: Message) -> Part:
    return Part(
        number=number,
        media_type=leaf.get_content_type(),
        name=_decoded(leaf.get_filename() or ""),
        content_id=str(leaf.get("Content-ID", "")).strip(" <>"),
        disposition=leaf.get_content_disposition() or "",
        content=_bytes(leaf),
    )


def _first_text(leaves: list[Message], media_type: str) -> str | None:
    return next(_texts(leaves, media_type), None)


def _texts(leaves: list[Message], media_type: str) -> Iterator[str]:
    for leaf in leaves:
        if leaf.get_content_type() != media_type or leaf.get_content_disposition() == "attachment":
            continue
        try:
            yield _bytes(leaf).decode(leaf.get_content_charset("utf-8"), "replace")
        except LookupError:
            yield _bytes(leaf).decode("utf-8", "replace")


def _bytes(leaf: Message) -> bytes:
    payload = leaf.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
