"""What the walk needs of the world, as protocols; ``adapters/`` has the worlds.

An adapter only has to look like these. The fakes pass the real ones' contract suite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from dispatcher.delivery import Delivery, DeliveryFilter, Observed, Receipt, Report, Totals
from dispatcher.events import Event, Recipient
from dispatcher.message import Draft, Message
from dispatcher.policy import Policy, Presence, Written


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        ...


class PolicyStore(Protocol):
    """Keeps policies; every write is one atomic step.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def load(self, owner: str) -> Policy | None:
        """Return the owner's own policy, or None."""
        ...

    async def effective(self, org_id: str) -> Policy | None:
        """Return what counts for the organization: its own policy, else the default, else None."""
        ...

    async def put(
        self, owner: str, switches: Mapping[str, bool], *, presence: Presence = Presence.ANY
    ) -> Written:
        """Set *switches* on the owner's policy, creating it unless *presence* forbids.

        The sequence rises by one if, and only if, something changes.
        """
        ...

    async def remove(self, owner: str) -> Policy | None:
        """Remove the owner's policy; return it as removed (sequence and time of that), or None."""
        ...


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
        revived: A person sent this dead letter again, and no attempt was recorded since.
    """

    org_id: str
    event_id: str
    token: int
    attempt: int
    crashes: int
    accepted_at: datetime
    revived: bool = False


class Refusal(StrEnum):
    """Why a claim is not granted."""

    REDELIVERED = "redelivered"
    """The queue brought the same message again; the ledger has it in hand."""
    DUPLICATE = "duplicate"
    """Another message brought an event that is known; counted as skipped."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event on its way back to the queue: its wire form and the message id it had."""

    receipt: str
    event: Mapping[str, Any]


class Ledger(Protocol):
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
        Only one caller gets each. A parcel that never reaches the queue is returned again
        after the requeue horizon (the adapter's setting, seconds).
        """
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


class DeadLetters(Protocol):
    """Changes dead letters, for the person who mends them."""

    async def revive(self, org_id: str, event_id: str) -> bool:
        """Make a dead letter due at once, as a further attempt; False where there is none."""
        ...

    async def drop(self, org_id: str, event_id: str) -> bool:
        """Close a dead letter for good: its event is erased, its outcome stays dead."""
        ...


class Directory(Protocol):
    """Knows who is to be told."""

    async def find(self, event: Event) -> Recipient | None:
        """Return whom to tell about the event, or None where nobody can be."""
        ...


class Renderer(Protocol):
    """Makes messages."""

    def render(self, draft: Draft) -> Message:
        """Return the draft as a message, ready for the wire.

        Raises:
            RenderError: A template failed, or what it made cannot be sent.
        """
        ...


class Transport(Protocol):
    """Hands messages to a relay."""

    async def deliver(self, message: Message) -> Receipt:
        """Return the relay's acceptance.

        Raises:
            TransportError: The relay did not take the message; the class says why.
        """
        ...


class Queue(Protocol):
    """The broker's queue of events."""

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        """Put events on the queue, each under its receipt as the message's id.

        Raises:
            StoreUnavailable: The broker did not take them; some may be there.
        """
        ...


class Observer(Protocol):
    """Sees every outcome: logs and counts it. Never raises."""

    def finished(self, delivery: Observed) -> None:
        """Note what became of one walk."""
        ...

    def policy_written(self, written: Written) -> None:
        """Note a policy update, and whether it changed anything."""
        ...

    def policy_refused(self, error: Exception) -> None:
        """Note a policy update that was refused."""
        ...

    def relay_changed(self, relay: str, reason: str) -> None:
        """Note that a relay went away, and why, or that it is back (an empty reason)."""
        ...

    def waiting(self, what: str, error: Exception) -> None:
        """Note that something outside is away and that work waits for it."""
        ...
