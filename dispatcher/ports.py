"""What the walk needs of the world, as protocols; ``adapters/`` has the worlds.

An adapter only has to look like these. The fakes pass the real ones' contract suite.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, Protocol

from dispatcher.connection import Connection
from dispatcher.correspondence import Correspondence, Terms
from dispatcher.delivery import Observed, Receipt, Skipped
from dispatcher.events import Addressee, Event, Recipient
from dispatcher.ledger import Claim, DeadLetters, DeliveryLog, Kinship, Ledger, Parcel, Refusal
from dispatcher.message import Draft, Message
from dispatcher.policy import Change, Policy, Presence, Written
from dispatcher.sender import Sender, SenderChange, SenderWritten
from dispatcher.suppression import Kept, Page, Suppression, SuppressionReason

__all__ = [
    "Account",
    "Claim",
    "Clock",
    "ConnectionStore",
    "Correspondence",
    "DeadLetters",
    "DeliveryLog",
    "Directory",
    "FormerAddressStore",
    "Kinship",
    "Ledger",
    "NoTracer",
    "Observer",
    "Parcel",
    "PolicyStore",
    "Queue",
    "Refusal",
    "Renderer",
    "SenderStore",
    "SuppressionStore",
    "Terms",
    "Tracer",
    "Transport",
]


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
        """Return what counts for the organization: its own policy over the default, or None.

        A switch that its own does not set is as in the default.
        """
        ...

    async def put(
        self,
        owner: str,
        switches: Mapping[str, bool],
        *,
        presence: Presence = Presence.ANY,
        by: str = "",
    ) -> Written:
        """Set *switches* on the owner's policy, creating it unless *presence* forbids.

        The sequence rises by one if, and only if, something changes; then the change,
        and *by* whom, is noted in the same step.
        """
        ...

    async def remove(self, owner: str, *, by: str = "") -> Policy | None:
        """Remove the owner's policy; return it as removed (sequence and time of that), or None."""
        ...

    async def history(self, owner: str, *, limit: int = 100) -> Sequence[Change]:
        """Return the last changes of the owner's policy, newest first; the last 1,000 are kept."""
        ...


class Directory(Protocol):
    """Knows who is to be told."""

    async def find(self, event: Event, addressee: Addressee) -> Recipient | Skipped:
        """Return whom to tell about the event, or why rightly nobody is.

        Raises:
            DirectoryError: That cannot be learnt now.
            ConnectionUnreadable: What opens the directory cannot be decrypted here.
            StoreUnavailable: Which directory to ask cannot be read.
        """
        ...


class SenderStore(Protocol):
    """Keeps organizations' senders; every write is one atomic step.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`, and
    :class:`~dispatcher.errors.SenderUnreadable` where it needs relays that it cannot decrypt.
    """

    async def load(self, org_id: str) -> Sender | None:
        """Return the organization's sender, or None."""
        ...

    async def put(self, org_id: str, change: SenderChange) -> SenderWritten:
        """Change the organization's sender; what is so already changes nothing.

        Raises:
            ConfigError: There is no key to encrypt relays with.
        """
        ...

    async def remove(self, org_id: str) -> Sender | None:
        """Reset the organization's sender; return what is left, its sequence, or None."""
        ...

    async def organizations(self) -> Sequence[str]:
        """Return who has a sender, in order."""
        ...

    async def reseal(self, org_id: str) -> bool:
        """Encrypt the organization's relays with the newest key; False where they are already."""
        ...


class ConnectionStore(Protocol):
    """Keeps connections; what was changed or removed counts from the next reading on.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`, and
    :class:`~dispatcher.errors.ConnectionUnreadable` where it needs secrets that it cannot decrypt.
    """

    async def find(self, name: str) -> Connection | None:
        """Return the connection of that name, or None."""
        ...

    async def names(self) -> Sequence[str]:
        """Return the names of all connections, in order."""
        ...

    async def alter(
        self, name: str, change: Callable[[Connection | None], Connection]
    ) -> Connection:
        """Put what *change* makes of the connection, or of none, in its place; return that.

        It is one step: *change*, which is pure, is asked again where another change came between.

        Raises:
            ConfigError: There is no key to encrypt secrets with.
            InvalidConnection: It is none that can be changed here.
        """
        ...

    async def remove(self, name: str) -> bool:
        """Remove the connection, even an unreadable one; False where there is none.

        Raises:
            InvalidConnection: It is none that can be removed here.
        """
        ...

    async def reseal(self, name: str) -> bool:
        """Encrypt the connection's secrets with the newest key; False where they are already."""
        ...


Account = tuple[str, str]
"""An organization's id, and that of one of its users."""


class FormerAddressStore(Protocol):
    """Keeps the addresses that accounts had until lately.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def remember(self, account: Account, address: str, age: float) -> None:
        """Keep the address that an account had, for so many seconds."""
        ...

    async def recall(self, accounts: Sequence[Account]) -> Sequence[str | None]:
        """Return the address that each account had until lately, or None."""
        ...


class SuppressionStore(Protocol):
    """Keeps addresses that get no mail, by scope and fingerprint; every write is one atomic step.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def add(self, suppression: Suppression) -> Kept:
        """Suppress an address.

        The first ``since`` stays. An operator's word replaces a bounce's and is replaced by
        none; a further bounce only prolongs the one before.
        """
        ...

    async def remove(
        self, scope: str, recipient: str, *, reason: SuppressionReason | None = None
    ) -> Suppression | None:
        """Remove and return a suppression, only if it has that reason; None where there is none."""
        ...

    async def find(self, scope: str, recipient: str) -> Suppression | None:
        """Return what is kept of an address in exactly this scope."""
        ...

    async def page(self, scope: str = "", *, behind: str = "", limit: int = 100) -> Page:
        """Return suppressions of one scope or of all, newest first, from behind a page on."""
        ...

    async def count(self, scope: str = "") -> int:
        """Return how many there are in one scope, or in all."""
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

    async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
        """Return the relay's acceptance.

        Args:
            message: What to hand over.
            sender: Whose relays to use; None, or one without relays, is the instance's.

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


class Tracer(Protocol):
    """Tells how long each stop of a walk takes. Never raises."""

    def walk(self, event: Event) -> AbstractContextManager[str]:
        """Return what is entered for the whole walk; it gives the trace's id, or ""."""
        ...

    def stop(self, name: str) -> AbstractContextManager[object]:
        """Return what is entered for one stop of the walk under way."""
        ...


class NoTracer:
    """Traces nothing; an event's own trace is known all the same."""

    def walk(self, event: Event) -> AbstractContextManager[str]:
        """Return what gives the event's trace."""
        return nullcontext(event.trace_id)

    def stop(self, name: str) -> AbstractContextManager[object]:
        """Return what does nothing."""
        del name
        return _NOTHING


_NOTHING: Final = nullcontext()


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

    def received(self, connection: str, result: str, count: int = 1) -> None:
        """Note what became of calls that came in, or of the events that one brought.

        Args:
            connection: The connection's name; ``native`` is the events route of our own.
            result: ``accepted``, ``duplicate``, ``ignored``, ``refused``, ``malformed`` or
                ``unavailable``.
            count: Of how many.
        """
        ...
