"""The ledger in memory: for tests and trials; it answers as the one in Valkey does."""

import json
from dataclasses import replace
from typing import Any, Final

from dispatcher.adapters.store.codec import to_json
from dispatcher.adapters.store.memory_due import MemoryDueTimes, as_parcel
from dispatcher.adapters.store.memory_log import Key, Record
from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    Deferred,
    Delivery,
    Report,
    Sent,
    Skipped,
    State,
)
from dispatcher.events import Event
from dispatcher.ports import Claim, Kinship, Parcel, Refusal

_HISTORY: Final = 30
_DUPLICATES_KNOWN: Final = 8


class MemoryLedger(MemoryDueTimes):
    """All deliveries' state, as long as the process lives. Nobody renews leases.

    Args:
        clock: Tells the time, for leases and due times too.
        lease: How many seconds a claim lasts.
        retention: For how many seconds a finished delivery is answerable.
        publishing_time: After how many seconds a parcel that was taken and not published
            is due again.
        requeue_horizon: After how many seconds one that is published and that nobody claimed is.
    """

    async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
        """Take the event for this worker, or say why it is not to be worked on."""
        key = event.org_id, event.id
        record = self._kept.get(key)
        if record and record.is_evidence and record.delivery.receipt != receipt:
            self._rename(key, self._letter_key(event.org_id, record.delivery.receipt))
            return self._claim_unknown(event, receipt, record)
        if record is None:
            return self._claim_unknown(event, receipt, None)
        if record.delivery.receipt != receipt:
            return self._duplicate(record, receipt)
        return self._claim_again(record, event)

    async def accept(
        self, event: Event, *, receipt: str, kinship: Kinship | None = None
    ) -> Parcel | Refusal:
        """Take the event in before it is on the queue; return what is to be published."""
        key = event.org_id, event.id
        record = self._kept.get(key)
        if record and record.delivery.receipt == receipt:
            return as_parcel(record)
        if record and not record.is_evidence:
            return self._duplicate(record, receipt)
        if record:
            self._rename(key, self._letter_key(event.org_id, record.delivery.receipt))
        done = self._made_way(key, record)
        if isinstance(done, Record):
            return (
                as_parcel(done)
                if done.delivery.receipt == receipt
                else self._duplicate(done, receipt)
            )
        record = self._new(event, receipt, State.QUEUED, done)
        twin = self._twins.of(event, kinship) if kinship else None
        if twin:
            self._count(event.org_id, "skipped", "skipped:duplicate")
            self._finish(record, State.SKIPPED, "duplicate", detail=f"twin of {twin}")
            return Refusal.DUPLICATE
        record.due = self._clock.now() + self._publishing_time
        return as_parcel(record)

    async def record(self, claim: Claim, report: Report) -> bool:
        """Write what became of the claim; False when a newer claim has taken over."""
        key = claim.org_id, claim.event_id
        record = self._kept.get(key)
        if record is None:
            done = self._finished_at(key)
            return done is not None and done.token == claim.token
        if record.token != claim.token:
            return False
        if not record.is_recorded:
            record.is_recorded = True
            self._add_to_story(record, report)
            self._conclude(record, report)
        return True

    def _claim_unknown(self, event: Event, receipt: str, aside: Record | None) -> Claim | Refusal:
        key = event.org_id, event.id
        done = self._made_way(key, aside)
        if isinstance(done, Record):
            if done.delivery.receipt == receipt:
                return Refusal.REDELIVERED
            return self._duplicate(done, receipt)
        letter = self._revived_letter(event.org_id, receipt)
        if letter:
            self._rename((event.org_id, letter.delivery.event_id), key)
            return self._grant(letter, event)
        return self._grant(self._new(event, receipt, State.CLAIMED, done), event)

    def _made_way(self, key: Key, aside: Record | None) -> Record | int:
        """Return what is finished under that name; else the token that its next go on from.

        Args:
            key: The name.
            aside: The letter that has just stepped aside from it, if one has.
        """
        done = self._finished_at(key)
        if done and done.is_evidence:
            return self._finished.pop(key).token
        return done or (aside.token if aside else 0)

    def _new(self, event: Event, receipt: str, state: State, last_token: int) -> Record:
        now, key = self._clock.now(), (event.org_id, event.id)
        self._count(event.org_id, "accepted")
        wire, source = _as_read_back(event), event.source or ""
        delivery = Delivery(*key, state, "", now, now, receipt, event=wire, source=source)
        self._kept[key] = Record(delivery, last_token)
        return self._kept[key]

    def _claim_again(self, record: Record, event: Event) -> Claim | Refusal:
        delivery = record.delivery
        if delivery.state is State.DEAD:
            if not record.is_evidence:
                return Refusal.REDELIVERED
            self._count(event.org_id, "dead", f"dead:{delivery.reason}", by=-1)
        elif delivery.state is not State.QUEUED:
            if record.due and record.due > self._clock.now():
                return Refusal.REDELIVERED
            if delivery.state is State.CLAIMED:
                self._lease_ran_out(record)
        return self._grant(record, event)

    def _grant(self, record: Record, event: Event) -> Claim:
        record.token += 1
        record.is_recorded = False
        record.due = self._clock.now() + self._lease
        if record.is_evidence:
            record.is_evidence = False
            self._change(record, event=_as_read_back(event))
        attempt = record.delivery.attempts + 1
        self._change(
            record, state=State.CLAIMED, reason="", detail="", due_at=None, attempts=attempt
        )
        delivery = record.delivery
        crashes = delivery.uncertain - record.crashes_forgiven
        return Claim(
            event.org_id,
            event.id,
            record.token,
            attempt,
            crashes,
            delivery.accepted_at,
            record.revived_at,
            record.message if record.as_it_was else None,
            delivery.changes,
        )

    def _duplicate(self, record: Record, receipt: str) -> Refusal:
        org_id = record.delivery.org_id
        letter = self._revived_letter(org_id, receipt)
        if letter:
            self._count(org_id, "skipped", "skipped:duplicate")
            self._finish(letter, State.SKIPPED, "duplicate")
        elif receipt not in record.last_duplicates:
            record.last_duplicates = (*record.last_duplicates, receipt)[-_DUPLICATES_KNOWN:]
            self._count(org_id, "accepted", "skipped", "skipped:duplicate")
            record.delivery = replace(record.delivery, duplicates=record.delivery.duplicates + 1)
        return Refusal.DUPLICATE

    def _add_to_story(self, record: Record, report: Report) -> None:
        delivery = record.delivery
        self._change(
            record,
            trigger=report.trigger or delivery.trigger,
            ruling=report.ruling or delivery.ruling,
            recipient=report.recipient or delivery.recipient,
            source=report.source if report.trigger else delivery.source,
            history=_with_attempt(delivery.history, report.attempt),
        )

    def _conclude(self, record: Record, report: Report) -> None:
        org_id = record.delivery.org_id
        match report.outcome:
            case Sent():
                self._count(org_id, "sent")
                changes = record.delivery.changes
                told = f"told of {changes} changes" if changes > 1 else ""
                self._finish(record, State.SENT, "", detail=told)
            case Skipped(reason, detail):
                self._count(org_id, "skipped", f"skipped:{reason}")
                self._finish(record, State.SKIPPED, reason, detail=detail)
            case Deferred(reason, delay, burns):
                self._count(org_id, f"deferred:{reason}")
                self._defer(record, reason, delay, attempts=record.delivery.attempts - (not burns))
            case Dead(reason, detail):
                self._count(org_id, "dead", f"dead:{reason}")
                record.due = record.revived_at = None
                record.is_evidence = reason is DeadReason.MALFORMED
                record.message, record.as_it_was = report.message or record.message, False
                self._change(record, keeps_message=record.message is not None)
                self._change(record, state=State.DEAD, reason=reason, detail=detail)


def _as_read_back(event: Event) -> dict[str, Any]:
    wire: dict[str, Any] = json.loads(to_json(event.to_wire()))
    return wire


def _with_attempt(history: tuple[Attempt, ...], attempt: Attempt | None) -> tuple[Attempt, ...]:
    """Return the history with one more attempt; of a long one the first and the last are kept."""
    if attempt is None:
        return history
    longer = (*history, attempt)
    return longer if len(longer) <= _HISTORY else (longer[0], *longer[2:])
