"""Reads mails that came back. Total: whatever it is given, it returns what it could make of it."""

from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import Message
from itertools import islice
from typing import Final

from dispatcher.adapters.mail.bounce_status import read_fates, text_of
from dispatcher.adapters.mail.bounce_text import read_text_fates
from dispatcher.bounce import BounceReport, Fate, ReportKind
from dispatcher.postmark import Postmark, find_postmarks

LARGEST: Final = 10 * 2**20
"""Bytes; a report brings our mail back at most, which is a hundredth of that."""

_MOST_POSTMARKS: Final = 64
_MOST_FATES: Final = 1000
_DELIVERY: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_COMPLAINT: Final = "message/feedback-report"
_RECEIPT: Final = frozenset({"message/disposition-notification", "message/global-disposition"})
_HEADERS: Final = frozenset({"text/rfc822-headers", "message/global-headers"})
_RETURNED: Final = frozenset({"message/rfc822", "message/global"})


def read_report(raw: bytes, *, recipient: str = "") -> BounceReport:
    """Return what a mail that came back says.

    Args:
        raw: The mail, 10 MiB at most.
        recipient: To which address it came back, where the mail system tells: it may hold
            a postmark.
    """
    if len(raw) > LARGEST:
        return BounceReport(ReportKind.TOO_LARGE)
    try:
        mail = message_from_bytes(raw)
        parts = list(_parts(mail))
        kind, fates = _read(mail, parts)
        hidden = [text_of(part) for part in parts if part.get_content_type() in _HEADERS]
    except Exception:  # noqa: BLE001 - anybody can send anything here, and the parser has its bugs
        return BounceReport(ReportKind.UNREADABLE)
    return BounceReport(kind, fates, _postmarks([recipient, raw.decode("latin-1"), *hidden]))


def _read(mail: Message, parts: Iterable[Message]) -> tuple[ReportKind, tuple[Fate, ...]]:
    types = {part.get_content_type(): part for part in parts}
    if _COMPLAINT in types:
        return ReportKind.COMPLAINT, ()
    statuses = [part for part in parts if part.get_content_type() in _DELIVERY]
    fates = (fate for part in statuses for fate in read_fates(part))
    if statuses:
        return ReportKind.DELIVERY, tuple(islice(fates, _MOST_FATES))
    told = tuple(islice(read_text_fates(mail), _MOST_FATES))
    if told:
        return ReportKind.DELIVERY, told
    if types.keys() & _RECEIPT or _is_automatic(mail):
        return ReportKind.AUTOMATIC_REPLY, ()
    return ReportKind.OTHER, ()


def _parts(mail: Message) -> Iterator[Message]:
    """Yield the mail's parts; those of the mail that it brings back are not its own."""
    waiting = [mail]
    while waiting:
        part = waiting.pop()
        yield part
        payload = part.get_payload()
        is_own = part is mail or part.get_content_type() not in _RETURNED
        if is_own and part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting += reversed([each for each in payload if isinstance(each, Message)])


def _is_automatic(mail: Message) -> bool:
    submitted = str(mail.get("Auto-Submitted", "no")).strip().lower()  # RFC 3834 section 5
    precedence = str(mail.get("Precedence", "")).strip().lower()
    vacation = ("X-Autoreply", "X-Autorespond", "X-Autoresponder")
    return (
        not submitted.startswith("no")
        or precedence == "auto_reply"
        or any(name in mail for name in vacation)
    )


def _postmarks(texts: Iterable[str]) -> tuple[Postmark, ...]:
    found = (mark for text in texts for mark in find_postmarks(text))
    return tuple(dict.fromkeys(islice(found, _MOST_POSTMARKS)))
