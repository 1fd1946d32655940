"""Delivery reports from before RFC 3464: qmail's, and what has ``X-Failed-Recipients``."""

import re
from collections.abc import Iterator
from email.message import Message
from typing import Final

from dispatcher.adapters.mail.bounce_status import first_status, spellings, text_of
from dispatcher.bounce import Action, Fate

_QMAIL: Final = re.compile(r"\s*Hi\. This is the ", re.IGNORECASE)  # cr.yp.to/proto/qsbmf.txt
_PARAGRAPHS: Final = re.compile(r"\r?\n[ \t]*\r?\n")
_RECIPIENT: Final = re.compile(r"\s*<([^<>\r\n]+)>:(.*)", re.DOTALL)
_COPY: Final = re.compile(r"^-{3,}", re.MULTILINE)


def read_text_fates(mail: Message) -> Iterator[Fate]:
    """Yield what an old-fashioned report says of each recipient; nothing where it is none."""
    body = next((text_of(part) for part in mail.walk() if _is_text(part)), "")
    if _QMAIL.match(body):
        yield from _qmail(body)
        return
    failed = [each.strip() for each in str(mail.get("X-Failed-Recipients", "")).split(",")]
    said = _COPY.split(body, maxsplit=1)[0]
    for address in filter(None, failed):
        yield _fate(address, _about(address, failed, said))


def _qmail(body: str) -> Iterator[Fate]:
    for paragraph in _PARAGRAPHS.split(body):
        if paragraph.lstrip().startswith("-"):
            return  # what follows is the mail itself
        found = _RECIPIENT.match(paragraph)
        if found:
            yield _fate(found[1], found[2])


def _about(address: str, failed: list[str], text: str) -> str:
    """Return the stretch of a text that begins with an address and ends before another one."""
    start = text.find(address)
    if start < 0:
        return text if len(failed) == 1 else ""
    behind = start + len(address)
    ends = [text.find(other, behind) for other in failed if other != address]
    return text[behind : min((end for end in ends if end >= 0), default=len(text))]


def _fate(address: str, said: str) -> Fate:
    status = first_status(said)
    return Fate(
        spellings([address]), Action.DELAYED if status.startswith("4") else Action.FAILED, status
    )


def _is_text(part: Message) -> bool:
    return part.get_content_type() == "text/plain"
