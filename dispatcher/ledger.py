"""The ledger's ports: claims, and the protocols that write, read and mend deliveries.

The walk and the services take them from ``ports.py``, with all others.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from dispatcher.delivery import Delivery, DeliveryFilter, Report, Totals
from dispatcher.events import Event
from dispatcher.message import Message


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's time-limited right to work on a delivery.

    Args:
        org_id: The event's organization.
        event_id: The event's id.
        token: The fencing token: a record with an older one is refused.
        attempt: The number of the attempt this claim is for; the first is 1.
        crashes: How many earlier claims ran out without a record; above 0 the message
            may have been handed over already, and is sent again under the same Message-ID.
        accepted_at: When the event was first claimed.
        revived_at: When a person sent this dead letter again, until it ends; else None.
        message: What a person wants sent as it was, instead of rendered anew.
        changes: How many changes the mail is to tell of, as a storm's follow-up; 0 where
            the event tells of its own.
    """

    org_id: str
    event_id: str
    token: int
    attempt: int
    crashes: int
    accepted_at: datetime
    revived_at: datetime | None = None
    message: Message | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """How a change is told that may be one of a storm.

    Args:
        changes: How many changes the mail tells of, as the storm's follow-up; 0 where it
            goes at once and tells of its own.
        wait: Seconds until the follow-up is to go; above 0 only for a follow-up.
        into: The event id of the follow-up that tells of this change, or "".
    """

    changes: int = 0
    wait: float = 0.0
    into: str = ""


class Refusal(StrEnum):
    """Why a claim is not granted."""

    REDELIVERED = "redelivered"
    """The queue brought the same message again; the ledger has it in hand."""
    DUPLICATE = "duplicate"
    """Another message brought an event that is known; counted as skipped."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event on its way to the queue: its wire form and the message id it had.

    ``taking`` is what the ledger knows it by if it was due: see :meth:`Ledger.queued`.
    """

    receipt: str
    event: Mapping[str, Any]
    taking: bytes = b""


@dataclass(frozen=True, slots=True)
class Kinship:
    """What the tellings of one change have in common, where a source tells it under two ids.

    Args:
        digest: Of whose change it is, and of what kind.
        window: Seconds within which their times of occurrence are, above 0.
    """

    digest: bytes
    window: float


class Folds(Protocol):
    """Says how changes are told that may be of a storm."""

    async def fold(self, claim: Claim, subject: str, window: float) -> Fold:
        """Say how a change is told, in one atomic step; asked again, the answer is the same.

        The first of a subject goes at once and opens a window. Of those that come before
        the window ends, the first waits for its end as their follow-up, and counts the
        others. When the follow-up goes, it opens the next window: a storm makes one mail
        per window, and never none. If the follow-up is dropped, the next takes its place.

        Args:
            claim: The claim on the event.
            subject: What of the same is folded: an organization's user and a kind of mail.
            window: Seconds; 0 opens none, and lets a follow-up go when it is due.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        ...


class Ledger(Folds, Protocol):
    """All deliveries' state, and its only writer while they are on their way.

    State is per (organization, event id). The claim is one atomic step; time is
    the store's. Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
        """Take the event for this worker, or say why it is not to be worked on.

        Grants when it is new, when it is due again, when an earlier claim's lease ran
        out, and when it is known only as malformed (a corrected event may use its id
        again). A held claim's lease is renewed until it is recorded.

        Args:
            event: The event; its wire form is kept while the delivery is open or dead.
            receipt: The id of the queue's message: it tells a redelivery from a duplicate.
        """
        ...

    async def accept(
        self, event: Event, *, receipt: str, kinship: Kinship | None = None
    ) -> Parcel | Refusal:
        """Take the event in before it is on the queue, for a caller that waits for an answer.

        It is durable, counted as accepted, and due after the publishing time unless
        :meth:`queued` says that it was published; the claim that follows continues it.
        Where another event of the same kinship occurred within the window, and came in within
        the last quarter of an hour, this one is its twin: finished at once as a duplicate.

        Args:
            event: The event.
            receipt: The id that the queue's message will have.
            kinship: What it has in common with its twin, where it may have one.

        Returns:
            What is to be published, or that the event is known: a duplicate, counted as skipped.
        """
        ...

    async def record(self, claim: Claim, report: Report) -> bool:
        """Write what became of the claim; False when a newer claim has taken over (fencing)."""
        ...

    async def reject(
        self,
        evidence: Mapping[str, Any],
        *,
        org_id: str,
        event_id: str,
        receipt: str,
        detail: str,
    ) -> None:
        """Keep a malformed event as a dead letter; once per *receipt*.

        Never touches a valid event's delivery with the same id: the letter then goes by
        its receipt.

        Args:
            evidence: What may be kept of it: known fields, no password material.
            org_id: The organization it claims, or "" where that is no valid one.
            event_id: The id it claims, or "" where that is no valid one.
            receipt: The id of the queue's message.
            detail: What rule it breaks.
        """
        ...

    async def take_due(self, limit: int) -> Sequence[Parcel]:
        """Return up to *limit* deliveries to put back on the queue, and mark them as queued.

        Due are deferred deliveries whose time has come and claims whose lease ran out.
        Only one caller gets each, and says so with :meth:`queued` once it is published.
        Until then it is due again after the publishing time, and from then on after the
        requeue horizon (both the adapter's settings, seconds): a worker that dies in
        between delays it by the former only. A copy more on the queue is no second mail,
        since a claim is granted once.
        """
        ...

    async def queued(self, parcels: Sequence[Parcel]) -> None:
        """Note that these are on the queue; whoever was claimed since is left alone."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give a claim back unworked, due at once: a worker is stopping."""
        ...


class DeliveryLog(Protocol):
    """Reads the ledger: for the person who asks what became of an event."""

    async def find(self, event_id: str, *, org_id: str = "") -> Sequence[Delivery]:
        """Return the deliveries of that event id, one per organization that has it."""
        ...

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 100) -> Sequence[Delivery]:
        """Return the newest deliveries that match, newest first."""
        ...

    async def totals(self, *, org_id: str = "") -> Totals:
        """Return the counts of one organization, or of all."""
        ...

    def organizations(self) -> AsyncIterator[str]:
        """Yield every organization that ever had an event, in no order."""
        ...


class DeadLetters(Protocol):
    """Changes dead letters, for the person who mends them."""

    def letters(
        self, wanted: DeliveryFilter, *, at_once: int = 500
    ) -> AsyncIterator[Sequence[Delivery]]:
        """Yield pages of the dead letters that match, newest first, however many there are.

        A letter that goes, comes or dies again meanwhile moves no other; the state in *wanted*
        is not read. A page has *at_once* letters, or fewer, or up to twice as many.
        """
        ...

    async def message(self, org_id: str, event_id: str) -> Message | None:
        """Return a dead letter's message as it was rendered; None where none is kept."""
        ...

    async def revive(self, org_id: str, event_id: str, *, as_it_was: bool = False) -> bool:
        """Make a dead letter due at once, as a further attempt; False where there is none.

        Args:
            org_id: The organization.
            event_id: The event's id, or the receipt where it has none.
            as_it_was: Send the message that is kept, and not one rendered anew; False is
                returned where none is kept.
        """
        ...

    async def drop(self, org_id: str, event_id: str) -> bool:
        """Close a dead letter for good: its event is erased, its outcome stays dead."""
        ...
