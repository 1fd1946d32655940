"""The ledger in Valkey: every write is one operation of ``lua/ledger.lua``."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from json import loads
from secrets import token_hex
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dispatcher.adapters.store.codec import (
    encode_attempt,
    encode_fingerprint,
    encode_ruling,
    from_milliseconds,
    pack,
    plain,
    to_bytes,
    to_json,
    unpack,
)
from dispatcher.adapters.store.connection import Script, refused
from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.adapters.store.leases import Leases
from dispatcher.adapters.store.valkey_log import ValkeyDeliveryLog
from dispatcher.delivery import Dead, Deferred, Outcome, Report, Sent, Skipped
from dispatcher.errors import StoreUnavailable
from dispatcher.events import Event
from dispatcher.ports import Claim, Parcel, Refusal

_MOST_IN_DOUBT: Final = 10_000

_Operation = Sequence[bytes]


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
        requeue_horizon: After how many seconds a parcel that nobody claimed is due again.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "nd:",
        lease: float = 15.0,
        retention: float = 604800.0,
        requeue_horizon: float = 600.0,
    ) -> None:
        super().__init__(client, prefix=prefix, retention=retention)
        self._script = Script(client, "common", "ledger")
        self._common = (
            to_bytes(prefix),
            *_numbers(self._retention_ms, round(lease * 1000), round(requeue_horizon * 1000)),
        )
        self._gatherer: Gatherer[_Operation, Any] = Gatherer(self._call)
        self._leases = Leases(self._renew, lease=lease)
        self._worker = token_hex(8)
        self._claims = count()
        self._in_doubt: dict[tuple[str, str, str], str] = {}

    def start(self) -> None:
        """Begin to renew the leases of claims; needs a running event loop."""
        self._leases.start()

    async def close(self) -> None:
        """Stop renewing leases, and wait until what was asked is answered."""
        await self._leases.close()
        await self._gatherer.drain()

    async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
        """Take the event for this worker, or say why it is not to be worked on.

        Raises:
            StoreUnavailable: The store did not answer. If it granted all the same,
                the next claim with this event and receipt is told so.
        """
        org_id, event_id = event.org_id, event.id
        call = (org_id, event_id, receipt)
        nonce = self._in_doubt.pop(call, None) or f"{self._worker}-{next(self._claims)}"
        operation = _operation(
            "claim", org_id, event_id, pack(receipt), nonce, to_json(event.to_wire())
        )

        def give_back(reply: Any) -> None:  # noqa: ANN401 - a script's reply
            if not isinstance(reply, bytes):
                unworked = _claim(org_id, event_id, reply)
                self._gatherer.ask(_release(unworked)).add_done_callback(_seen)

        try:
            reply = await self._gatherer.ask(operation, orphaned=give_back)
        except StoreUnavailable:
            self._doubt(call, nonce)
            raise
        if isinstance(reply, bytes):
            return Refusal(reply.decode())
        claim = _claim(org_id, event_id, reply)
        self._leases.hold(claim)
        return claim

    async def record(self, claim: Claim, report: Report) -> bool:
        """Write what became of the claim; False when a newer claim has taken over.

        Raises:
            StoreUnavailable: The store did not answer; it may be recorded again.
        """
        recorded = await self._gatherer.ask(_record(claim, report))
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
        await self._gatherer.ask(
            _operation(
                "reject", org_id, event_id, pack(receipt), plain(detail), to_json(dict(evidence))
            )
        )

    async def take_due(self, limit: int) -> Sequence[Parcel]:
        """Return up to *limit* deliveries to put back on the queue, and mark them as queued.

        Raises:
            StoreUnavailable: The store did not answer; what it took is due again later.
        """
        parcels = await self._gatherer.ask(_operation("take_due", str(limit)))
        return [Parcel(unpack(receipt), loads(event)) for receipt, event in parcels]

    async def release(self, claim: Claim) -> None:
        """Give a claim back unworked, due at once: a worker is stopping.

        Raises:
            StoreUnavailable: The store did not answer; the lease will run out.
        """
        self._leases.give_up(claim)
        await self._gatherer.ask(_release(claim), in_order=True)

    async def revive(self, org_id: str, event_id: str) -> bool:
        """Make a dead letter due at once, as a further attempt; False where there is none.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return bool(await self._gatherer.ask(_operation("revive", org_id, event_id)))

    async def drop(self, org_id: str, event_id: str) -> bool:
        """Close a dead letter for good: its event is erased, its outcome stays dead.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return bool(await self._gatherer.ask(_operation("drop", org_id, event_id)))

    async def _renew(self, claim: Claim) -> bool:
        names = claim.org_id, claim.event_id, str(claim.token)
        return bool(await self._gatherer.ask(_operation("renew", *names)))

    async def _call(self, operations: Sequence[_Operation]) -> Sequence[Any]:
        replies = await self._script(*self._common, *chain.from_iterable(operations))
        return [refused(reply) if isinstance(reply, ResponseError) else reply for reply in replies]

    def _doubt(self, call: tuple[str, str, str], nonce: str) -> None:
        while len(self._in_doubt) >= _MOST_IN_DOUBT:
            del self._in_doubt[next(iter(self._in_doubt))]
        self._in_doubt[call] = nonce


def _operation(*texts: str | bytes) -> _Operation:
    return [to_bytes(text) for text in texts]


def _numbers(*numbers: int) -> Iterable[bytes]:
    return (b"%d" % number for number in numbers)


def _claim(org_id: str, event_id: str, reply: Sequence[int]) -> Claim:
    token, attempt, crashes, accepted = reply
    return Claim(org_id, event_id, token, attempt, crashes, from_milliseconds(accepted))


def _release(claim: Claim) -> _Operation:
    return _operation("release", claim.org_id, claim.event_id, str(claim.token))


def _record(claim: Claim, report: Report) -> _Operation:
    kind, reason, delay, burns, detail = _verdict(report.outcome)
    return _operation(
        "record",
        claim.org_id,
        claim.event_id,
        pack(claim.org_id),
        pack(claim.event_id),
        str(claim.token),
        kind,
        reason,
        str(round(delay * 1000)),
        "1" if burns else "0",
        plain(detail),
        plain(report.trigger),
        encode_ruling(report.ruling, claim.org_id),
        encode_fingerprint(report.recipient),
        encode_attempt(report.attempt, claim.accepted_at),
    )


def _verdict(outcome: Outcome) -> tuple[str, str, float, bool, str]:
    """Return kind, reason, delay in seconds, whether the attempt counted, and detail."""
    match outcome:
        case Sent():
            return "sent", "", 0.0, True, ""
        case Skipped(reason):
            return "skipped", reason, 0.0, True, ""
        case Deferred(reason, delay, burns):
            return "deferred", reason, delay, burns, ""
        case Dead(reason, detail):
            return "dead", reason, 0.0, True, detail


def _seen(answer: Any) -> None:  # noqa: ANN401 - a future of any reply
    """Look at an error that nobody waits for: the lease runs out instead."""
    if not answer.cancelled():
        answer.exception()
