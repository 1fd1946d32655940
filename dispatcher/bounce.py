"""What came back: a report on a mail, as it was read; whether it is true is another matter."""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.postmark import Postmark


class ReportKind(StrEnum):
    """What sort of mail came back."""

    DELIVERY = "delivery_report"
    """RFC 3464, or an older way to say the same."""
    COMPLAINT = "complaint"
    """RFC 5965: somebody called the mail spam."""
    AUTOMATIC_REPLY = "automatic_reply"
    """An out-of-office note, a read receipt."""
    OTHER = "no_report"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"


class Action(StrEnum):
    """What became of a mail for one recipient (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a report says of one recipient.

    Args:
        addresses: How it is called: finally, and originally where that is told; may be empty.
        action: What became of the mail.
        status: The enhanced status code, ``"5.1.1"``; "" where there is none.
    """

    addresses: tuple[str, ...]
    action: Action
    status: str = ""


@dataclass(frozen=True, slots=True)
class BounceReport:
    """A mail that came back, as it was read.

    Args:
        kind: What sort of mail it is.
        fates: What it says of each recipient.
        postmarks: What looks like one of our postmarks in it, whether genuine or not.
    """

    kind: ReportKind
    fates: tuple[Fate, ...] = ()
    postmarks: tuple[Postmark, ...] = ()
