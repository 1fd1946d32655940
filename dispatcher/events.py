"""What happened: the event and its parts, as every other module knows them.

Values only. Nothing here parses, judges or stores; what comes from outside is
checked once, in ``sources/``, and is one of these from then on.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

PASSWORD_CHANGED: Final = "iam.user.password_changed.v1"  # noqa: S105 - an event type, no password
"""The type of an event that does not say its own."""

_AT: Final = re.compile("[@\uff20\ufe6b]")  # and what compatibility normalization makes one


_TRACEPARENT: Final = re.compile(
    # W3C Trace Context section 3.2: version, trace id, parent id, flags; no id is all zeros.
    r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def is_traceparent(value: object) -> bool:
    """Tell whether it is a text that names a trace as W3C Trace Context does."""
    return isinstance(value, str) and _TRACEPARENT.fullmatch(value) is not None


class Change(StrEnum):
    """How a password came to be another one."""

    CHANGE = "change"
    RESET = "reset"
    ADMIN_RESET = "admin_reset"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"


class ActorKind(StrEnum):
    """Who made the change."""

    USER = "user"
    ADMIN = "admin"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Addressee(StrEnum):
    """Which of a user's mailboxes a kind of mail is for."""

    CURRENT = "current"
    PREVIOUS = "previous"
    """The one before the change: it learns that there was one, and not which is the new one."""


@dataclass(frozen=True, slots=True)
class User:
    """Whom an event is about; ``id`` or ``email`` is there, often both."""

    id: str | None = None
    email: str | None = None
    display_name: str | None = None
    login_name: str | None = None
    locale: str | None = None
    email_verified: bool | None = None
    previous_email: str | None = None

    def before(self) -> "User":
        """Return the user as their previous mailbox knows them.

        A name with an @ in it may be, or hold, the new address: it is shown only where it is
        the previous one.
        """
        return replace(
            self,
            email=self.previous_email,
            display_name=self._known_before(self.display_name),
            login_name=self._known_before(self.login_name),
            email_verified=None,
        )

    def _known_before(self, name: str | None) -> str | None:
        if name is None or not _AT.search(name):
            return name
        known = self.previous_email and self.previous_email.casefold() == name.casefold()
        return name if known else None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: the user, an administrator, the system."""

    kind: ActorKind = ActorKind.UNKNOWN
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """From where the change was made, as far as the source knows."""

    ip: str | None = None
    user_agent: str | None = None
    client: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to tell: one address, and how to call and address its owner."""

    address: str
    name: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One change to one user's account in one organization.

    Args:
        id: The source's name for it, unique within the organization: the idempotency key.
        org_id: Whose policy decides.
        user: Whom it is about.
        occurred_at: When, aware UTC.
        type: CloudEvents' type; it picks the trigger.
        change: How it came about.
        actor: Who made the change.
        context: From where.
        source: CloudEvents' source, or None.
        traceparent: The trace it belongs to (W3C Trace Context), or None.
    """

    id: str
    org_id: str
    user: User
    occurred_at: datetime
    type: str = PASSWORD_CHANGED
    change: Change = Change.UNKNOWN
    actor: Actor = field(default_factory=Actor)
    context: Context = field(default_factory=Context)
    source: str | None = None
    traceparent: str | None = None

    @property
    def trace_id(self) -> str:
        """Return the id of its trace, 32 hexadecimal digits, or "" where it belongs to none."""
        return self.traceparent[3:35] if self.traceparent else ""

    def within(self, traceparent: object) -> "Event":
        """Return the event as one of that trace; itself where it belongs to one, or that is none.

        Args:
            traceparent: The header of that name, of whoever brought the event.
        """
        if traceparent is None or self.traceparent or not is_traceparent(traceparent):
            return self
        return replace(self, traceparent=str(traceparent))

    def to_wire(self) -> dict[str, Any]:
        """Return the event as the JSON object that ``sources.native.parse`` reads back."""
        wire: dict[str, Any] = {
            "id": self.id,
            "org_id": self.org_id,
            "type": self.type,
            "user": _present(self.user),
            "occurred_at": self.occurred_at.isoformat(),
            "change": self.change.value,
            "actor": _present(self.actor),
            "context": _present(self.context),
        }
        if self.source is not None:
            wire["source"] = self.source
        if self.traceparent is not None:
            wire["traceparent"] = self.traceparent
        return wire


_FIELDS: Final = {
    # One attrgetter per class reads all fields at once: this runs for every event.
    part: (part.__slots__, attrgetter(*part.__slots__))
    for part in (User, Actor, Context)
}


def _present(part: User | Actor | Context) -> dict[str, Any]:
    names, read = _FIELDS[type(part)]
    return {name: value for name, value in zip(names, read(part), strict=True) if value is not None}
