"""Whose name a mail goes out under: an organization's own sender, where it has one."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """How an organization's mails leave; an empty field falls back to the instance's.

    Args:
        org_id: The organization.
        mail_from: Whom the mails are from: ``Acme Security <no-reply@acme.example>``.
        reply_to: Where answers go, an address.
        relays: The organization's relays in order of preference, as ``DISPATCHER_SMTP_URL``
            has them; they hold credentials and are encrypted at rest.
        sequence: How many changes it has seen.
        changed_at: When it last changed, aware UTC.
    """

    org_id: str
    mail_from: str = ""
    reply_to: str = ""
    relays: str = field(default="", repr=False)
    sequence: int = 0
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SenderChange:
    """What to change of a sender: None leaves a field as it is, "" resets it.

    Args:
        mail_from: As in :class:`Sender`, and so the others.
        reply_to: The same.
        relays: The same.
    """

    mail_from: str | None = None
    reply_to: str | None = None
    relays: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SenderWritten:
    """What became of a change.

    Args:
        sender: The sender as it is now, or as it was reset: then without any field.
        changed: Whether anything did.
    """

    sender: Sender
    changed: bool
