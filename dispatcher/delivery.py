"""What becomes of an event: its outcomes, its attempts, its whole story.

Values only; ``judge.py`` decides which outcome a failed attempt has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatcher.message import Message


class Phase(StrEnum):
    """How far an SMTP conversation had come."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    """The body was sent: from here on the relay may have the message."""


class SkipReason(StrEnum):
    """Why there is rightly no mail."""

    POLICY_OFF = "policy_off"
    POLICY_UNSET = "policy_unset"
    DUPLICATE = "duplicate"
    NO_RECIPIENT = "no_recipient"
    USER_INACTIVE = "user_inactive"
    SUPPRESSED = "suppressed"
    FOLDED = "folded"


class DeferReason(StrEnum):
    """Why a delivery waits for another attempt."""

    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    RELAY_UNAVAILABLE = "relay_unavailable"
    UNCERTAIN = "uncertain"
    STORE_UNAVAILABLE = "store_unavailable"
    SENDER_UNREADABLE = "sender_unreadable"
    DIRECTORY_UNAVAILABLE = "directory_unavailable"
    DIRECTORY_REFUSED = "directory_refused"
    DIRECTORY_THROTTLED = "directory_throttled"
    CONNECTION_UNREADABLE = "connection_unreadable"
    INTERNAL_ERROR = "internal_error"
    FOLDING = "folding"


class DeadReason(StrEnum):
    """Why a delivery is given up and kept for a person."""

    MALFORMED = "malformed"
    REJECTED_RECIPIENT = "rejected_recipient"
    REJECTED_MESSAGE = "rejected_message"
    RENDER_ERROR = "render_error"
    EXPIRED = "expired"
    ATTEMPTS = "attempts"


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took the message."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """There is rightly no mail; ``detail`` says more of why, without personal data."""

    reason: SkipReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Another attempt follows after *delay* seconds; ``burns`` tells whether this one counted."""

    reason: DeferReason
    delay: float
    burns: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """Given up, kept for a person; ``detail`` says what was wrong, without personal data."""

    reason: DeadReason
    detail: str = ""


Outcome = Sent | Skipped | Deferred | Dead


@dataclass(frozen=True, slots=True)
class Receipt:
    """The relay's acceptance of a message: its reply code, and how long it took in seconds."""

    relay: str
    code: int
    duration: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a message over; code is None where the relay gave no reply."""

    number: int
    at: datetime
    duration: float
    result: str
    relay: str = ""
    phase: str = ""
    code: int | None = None
    enhanced: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Which policy decided: its owner (an organization or the instance) and its sequence."""

    owner: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one walk learned; the ledger adds it to the delivery's story."""

    outcome: Outcome
    trigger: str = ""
    ruling: Ruling | None = None
    recipient: str = ""
    """The fingerprint of the address, never the address."""
    attempt: Attempt | None = None
    message: Message | None = None
    """What was rendered, where the delivery is given up: kept with its dead letter."""
    source: str = ""
    """Who told us of the event."""


class State(StrEnum):
    """Where a delivery stands."""

    CLAIMED = "claimed"
    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    SKIPPED = "skipped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event's whole story, as the ledger tells it."""

    org_id: str
    event_id: str
    state: State
    reason: str
    accepted_at: datetime
    changed_at: datetime
    receipt: str = ""
    """The id of the queue's message that brought the event."""
    due_at: datetime | None = None
    attempts: int = 0
    duplicates: int = 0
    uncertain: int = 0
    trigger: str = ""
    ruling: Ruling | None = None
    recipient: str = ""
    detail: str = ""
    history: tuple[Attempt, ...] = ()
    event: Mapping[str, Any] | None = None
    """The event as accepted; kept only while the delivery is open or dead."""
    source: str = ""
    """Who told us of the event."""
    keeps_message: bool = False
    """Whether a dead letter has the message as it was rendered."""
    changes: int = 0
    """How many changes a storm's follow-up tells of; 0 where the event tells of its own."""

    @property
    def is_letter(self) -> bool:
        """Tell whether it is a dead letter: given up, and its event still kept for a person."""
        return self.state is State.DEAD and self.event is not None


def place_in_time(delivery: Delivery) -> tuple[datetime, str, str]:
    """Return where a delivery stands in a listing; no two stand at the same place."""
    return delivery.changed_at, delivery.org_id, delivery.event_id


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; an empty field matches all."""

    org_id: str = ""
    state: State | None = None
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many events ended how; ``accepted - sent - skipped - dead`` are on their way."""

    accepted: int = 0
    sent: int = 0
    skipped: int = 0
    dead: int = 0
    reasons: Mapping[str, int] | None = None
    """Outcome and reason (``"skipped:policy_off"``) → count."""

    @property
    def open(self) -> int:
        """Return how many have no outcome yet."""
        return self.accepted - self.sent - self.skipped - self.dead


@dataclass(frozen=True, slots=True)
class Observed:
    """One walk's end as an observer sees it: no address, no content."""

    org_id: str
    event_id: str
    report: Report
    seconds: float
    """From acceptance to now."""
    fenced: bool = False
    """The record was refused: a newer claim has the delivery."""
    trace_id: str = ""
    """The trace it belongs to, or ""."""
