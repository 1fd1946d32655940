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
