"""A message before and after rendering, and the two names that are derived from an event.

Both names are keyed hashes: whoever sees a Message-ID or a log line learns
neither the event's id nor the address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from dispatcher.events import Recipient
from dispatcher.look import Look
from dispatcher.postmark import postmark
from dispatcher.sender import Sender

Fact = str | bool | datetime | None
"""A plain value that a template may show."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be rendered: which kind of mail, for whom, saying what.

    Args:
        template: The template folder's name.
        org_id: Whose look and texts apply.
        event_id: The event's id; the Message-ID derives from it.
        recipient: Whom it is for.
        facts: What the templates may show; plain values only.
        sender: Whose name it goes out under; None is the instance's.
        look: The organization's look; None is the instance's.
    """

    template: str
    org_id: str
    event_id: str
    recipient: Recipient
    facts: Mapping[str, Fact]
    sender: Sender | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One mail, composed and ready for the wire.

    Args:
        id: The Message-ID with its angle brackets; the same for every attempt.
        sender: The envelope's sender, an addr-spec; "" is the null sender.
        recipient: The envelope's one recipient, an addr-spec.
        content: Headers and body in wire form: CRLF line ends, no dot-stuffing yet.
        smtputf8: Whether an address needs a relay that offers SMTPUTF8 (RFC 6531).
    """

    id: str
    sender: str
    recipient: str
    content: bytes
    smtputf8: bool = False


def message_id(
    key: bytes, *, org_id: str, event_id: str, template: str, recipient: str, domain: str
) -> str:
    """Return the Message-ID of an event's mail: always the same for the same event and recipient.

    A second copy, possible only after a crash between hand-over and record, can
    so be recognised as such by the mailbox (RFC 5322 section 3.6.4). Its left-hand side
    is the mail's postmark.

    Args:
        key: The installation's secret, at least 16 bytes.
        org_id: The organization.
        event_id: The event's id within it.
        template: The kind of mail.
        recipient: The fingerprint of the address.
        domain: The sender's domain, the right-hand side, ASCII.
    """
    mark = postmark(key, org_id=org_id, event_id=event_id, template=template, recipient=recipient)
    return f"<{mark}@{domain}>"


def mark_of(message_id: str) -> str:
    """Return the postmark in one of our Message-IDs."""
    return message_id[1 : message_id.index("@")]


def fingerprint(key: bytes, address: str) -> str:
    """Return what is kept of an address once a delivery is finished: 16 hexadecimal digits.

    Equal addresses have equal fingerprints; the case of the domain and the
    local part does not count, since mailboxes are found case-insensitively in practice.
    """
    digest = blake2b(address.casefold().encode(), key=key[:64], digest_size=8, person=b"recipient")
    return digest.hexdigest()
