"""Addresses that get no mail: they bounced for good, or an operator said so."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

EVERYWHERE: Final = "*"
"""The scope of a suppression that counts for every organization."""


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    HARD_BOUNCE = "hard_bounce"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One address that gets no mail; the address itself is never kept.

    Args:
        scope: An organization's id, or :data:`EVERYWHERE`.
        recipient: The fingerprint of the address (:func:`dispatcher.message.fingerprint`).
        reason: Why.
        since: From when on, aware UTC.
        detail: What was said about it, without the address: a status code, an operator's note.
        event_id: The event whose mail bounced, where that is known.
        until: When it lapses by itself; None where only a person ends it.
    """

    scope: str
    recipient: str
    reason: SuppressionReason
    since: datetime
    detail: str = ""
    event_id: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a suppression that was to be added.

    Args:
        suppression: What counts now.
        before: What counted before; None where nothing did.
    """

    suppression: Suppression
    before: Suppression | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some suppressions, newest first, and where to go on; an empty ``behind`` is the end."""

    suppressions: tuple[Suppression, ...]
    behind: str = ""
