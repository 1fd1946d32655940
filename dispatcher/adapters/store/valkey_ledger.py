"""The ledger in Valkey: every write is one operation of ``lua/ledger.lua``."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from itertools import chain, count
from json import loads
from secrets import token_hex
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dispatcher.adapters.store import ledger_wire
from dispatcher.adapters.store.connection import Script, refused, store_errors
from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.adapters.store.leases import Leases
from dispatcher.adapters.store.names import name_of, to_bytes, unpack
from dispatcher.adapters.store.valkey_log import ValkeyDeliveryLog
from dispatcher.delivery import Report
from dispatcher.errors import StoreUnavailable
from dispatcher.events import Event
from dispatcher.ledger import Fold
from dispatcher.ports import Claim, Kinship, Parcel, Refusal

_PARTS: Final = (
    "common",
    "operations",
    "pending",
    "letters",
    "claims",
    "arrivals",
    "verdicts",
    "fold",
    "ledger",
)
_MOST_IN_DOUBT: Final = 10_000


class ValkeyLedger(ValkeyDeliveryLog):
    """All deliveries' state in Valkey: a ledger, its log and its dead letters.

    Operations of concurrent deliveries travel together in one script call. Every
    operation may be repeated when its reply was lost. The order of two calls on
    their way is open, which only a release minds: it never overtakes a record.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
        lease: How many seconds a claim lasts; it is renewed while its worker lives.
        retention: For how many seconds a finished delivery is answerable.
        publishing_time: After how many seconds a parcel that was taken and not published
            is due again.
        requeue_horizon: After how many seconds one that is published and that nobody claimed is.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "nd:",
        lease: float = 15.0,
        retention: float = 604800.0,
        publishing_time: float = 15.0,
        requeue_horizon: float = 600.0,
    ) -> None:
        super().__init__(client, prefix=prefix, retention=retention)
        self._script = Script(client, *_PARTS)
        times = (retention, lease, publishing_time, requeue_horizon)
        self._common = (to_bytes(prefix), *(b"%d" % round(time * 1000) for time in times))
        self._gatherer: Gatherer[ledger_wire.Operation, Any] = Gatherer(self._call)
        self._leases = Leases(self._renew, lease=lease)
        self._worker = token_hex(8).encode()
        self._claims = count()
        self._in_doubt: dict[tuple[str, str, str], bytes] = {}

    @property
    def in_flight(self) -> int:
        """How many deliveries this process works on."""
        return len(self._leases)

    def start(self) -> None:
        """Begin to renew the leases of claims; needs a running event loop."""
        self._leases.start()

    async def close(self) -> None:
        """Stop renewing leases, and wait until what was asked is answered."""
        await self._leases.close()
        await self._gatherer.drain()

    async def ping(self) -> None:
        """Return once the store answers.

        Raises:
            StoreUnavailable: It does not.
        """
        with store_errors():
            await self._client.ping()

    async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
        """Take the event for this worker, or say why it is not to be worked on.

        Raises:
            StoreUnavailable: The store did not answer. If it granted all the same,
                the next claim with this event and receipt is told so.
        """
        call = event.org_id, event.id, receipt
        nonce = self._in_doubt.pop(call, None) or b"%b%x" % (self._worker, next(self._claims))

        def give_back(answer: Any) -> None:  # noqa: ANN401 - a script's answer
            unworked = ledger_wire.claimed(event, answer)
            if isinstance(unworked, Claim):
                self._gatherer.ask(ledger_wire.release(unworked)).add_done_callback(_seen)

        try:
            answer = await self._gatherer.ask(
                ledger_wire.claim(event, receipt, nonce), orphaned=give_back
            )
        except StoreUnavailable:
            self._doubt(call, nonce)
            raise
        claim = ledger_wire.claimed(event, answer)
        if isinstance(claim, Claim):
            self._leases.hold(claim)
        return claim

    async def accept(
        self, event: Event, *, receipt: str, kinship: Kinship | None = None
    ) -> Parcel | Refusal:
        """Take the event in before it is on the queue; return what is to be published.

        Raises:
            StoreUnavailable: The store did not answer; it may have taken the event.
        """
        parcel = Parcel(receipt, event.to_wire())
        answer = await self._gatherer.ask(ledger_wire.accept(parcel, event.occurred_at, kinship))
        return ledger_wire.accepted(parcel, answer)

    async def record(self, claim: Claim, report: Report) -> bool:
        """Write what became of the claim; False when a newer claim has taken over.

        Raises:
            StoreUnavailable: The store did not answer; it may be recorded again.
        """
        recorded = await self._gatherer.ask(ledger_wire.record(claim, report))
        self._leases.give_up(claim)
        return bool(recorded)

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

        Raises:
            StoreUnavailable: The store did not answer.
        """
        await self._gatherer.ask(ledger_wire.reject(evidence, org_id, event_id, receipt, detail))

    async def fold(self, claim: Claim, subject: str, window: float) -> Fold:
        """Say how a change is told that may be one of a storm, in one atomic step.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return ledger_wire.folded(
            await self._gatherer.ask(ledger_wire.fold(claim, subject, window))
        )

    async def take_due(self, limit: int) -> Sequence[Parcel]:
        """Return up to *limit* deliveries to put back on the queue, and mark them as queued.

        Raises:
            StoreUnavailable: The store did not answer; what it took is due again later.
        """
        parcels = await self._gatherer.ask((b"take_due", b"%d" % limit))
        return [
            Parcel(unpack(receipt), loads(event), b"%d %b" % (token, name))
            for receipt, event, token, name in parcels
        ]

    async def queued(self, parcels: Sequence[Parcel]) -> None:
        """Note that these are on the queue; whoever was claimed since is left alone.

        Raises:
            StoreUnavailable: The store did not answer; they may be published once more.
        """
        operations = [ledger_wire.queued(parcel) for parcel in parcels]
        await gather(*map(self._gatherer.ask, operations))

    async def release(self, claim: Claim) -> None:
        """Give a claim back unworked, due at once: a worker is stopping.

        Raises:
            StoreUnavailable: The store did not answer; the lease will run out.
        """
        self._leases.give_up(claim)
        await self._gatherer.ask(ledger_wire.release(claim), in_order=True)

    async def revive(self, org_id: str, event_id: str, *, as_it_was: bool = False) -> bool:
        """Make a dead letter due at once, as a further attempt; False where there is none.

        With *as_it_was*, the message that is kept is sent; False where none is.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        how = b"1" if as_it_was else b"0"
        return bool(await self._gatherer.ask((b"revive", name_of(org_id, event_id), how)))

    async def drop(self, org_id: str, event_id: str) -> bool:
        """Close a dead letter for good: its event is erased, its outcome stays dead.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return bool(await self._gatherer.ask((b"drop", name_of(org_id, event_id))))

    async def _renew(self, claim: Claim) -> bool:
        return bool(await self._gatherer.ask(ledger_wire.renew(claim)))

    async def _call(self, operations: Sequence[ledger_wire.Operation]) -> Sequence[Any]:
        replies = await self._script(*self._common, *chain.from_iterable(operations))
        return [refused(reply) if isinstance(reply, ResponseError) else reply for reply in replies]

    def _doubt(self, call: tuple[str, str, str], nonce: bytes) -> None:
        while len(self._in_doubt) >= _MOST_IN_DOUBT:
            del self._in_doubt[next(iter(self._in_doubt))]
        self._in_doubt[call] = nonce


def _seen(answer: Any) -> None:  # noqa: ANN401 - a future of any reply
    """Look at an error that nobody waits for: the lease runs out instead."""
    if not answer.cancelled():
        answer.exception()
