"""The dead letters of the ledger in memory, and what else changes a delivery's record."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dispatcher.adapters.store.memory_log import Key, MemoryDeliveryLog, Record
from dispatcher.delivery import DeadReason, Delivery, State


class MemoryDeadLetters(MemoryDeliveryLog):
    """Keeps what is given up, for a person.

    Malformed events go by their id or, where that is another's, by their receipt.
    """

    async def reject(
        self,
        evidence: Mapping[str, Any],
        *,
        org_id: str,
        event_id: str,
        receipt: str,
        detail: str,
    ) -> None:
        """Keep a malformed event as a dead letter; once per *receipt*."""
        names = [name for name in (event_id, receipt, f"~{receipt}") if name]
        if any(self._is_kept((org_id, name), receipt, detail) for name in names):
            return
        key = org_id, event_id
        if not event_id or key in self._kept or self._finished_at(key):
            key = self._letter_key(org_id, receipt)
        now = self._clock.now()
        self._kept[key] = Record(
            Delivery(
                *key,
                State.DEAD,
                DeadReason.MALFORMED,
                now,
                now,
                receipt,
                detail=detail,
                event=evidence,
            ),
            is_evidence=True,
        )
        self._count(org_id, "accepted", "dead", "dead:malformed")

    async def revive(self, org_id: str, event_id: str, *, as_it_was: bool = False) -> bool:
        """Make a dead letter due at once, as a further attempt; False where there is none.

        With *as_it_was*, the message that is kept is sent; False where none is.
        """
        record = self._kept.get((org_id, event_id))
        if record is None or record.delivery.state is not State.DEAD:
            return False
        if as_it_was and record.message is None:
            return False
        record.as_it_was = as_it_was
        self._count(org_id, "dead", f"dead:{record.delivery.reason}", by=-1)
        record.crashes_forgiven = record.delivery.uncertain
        record.revived_at = self._clock.now()
        self._defer(record, "", 0.0)
        return True

    async def drop(self, org_id: str, event_id: str) -> bool:
        """Close a dead letter for good: its event is erased, its outcome stays dead."""
        record = self._kept.get((org_id, event_id))
        if record is None or record.delivery.state is not State.DEAD:
            return False
        self._finish(record, State.DEAD, record.delivery.reason)
        return True

    def _defer(self, record: Record, reason: str, delay: float, **changes: Any) -> None:  # noqa: ANN401 - any field
        record.due = self._clock.now() + timedelta(seconds=delay)
        self._change(record, state=State.DEFERRED, reason=reason, due_at=record.due, **changes)

    def _finish(self, record: Record, state: State, reason: str, **changes: Any) -> None:  # noqa: ANN401 - any field
        key = record.delivery.org_id, record.delivery.event_id
        del self._kept[key]
        record.due = record.message = None
        changes |= {"keeps_message": False, "changes": 0}
        record.last_duplicates = ()
        record.is_evidence = record.is_evidence and state is State.DEAD
        self._change(record, state=state, reason=reason, event=None, due_at=None, **changes)
        self._finished[key] = record

    def _change(self, record: Record, **changes: Any) -> None:  # noqa: ANN401 - any field
        record.delivery = replace(record.delivery, changed_at=self._clock.now(), **changes)

    def _is_kept(self, key: Key, receipt: str, detail: str) -> bool:
        record = self._kept.get(key) or self._finished_at(key)
        if record is None or not record.is_evidence or record.delivery.receipt != receipt:
            return False
        if record.due:
            self._count(key[0], "dead", "dead:malformed")
            record.due = None
            record.revived_at = None
            self._change(
                record, state=State.DEAD, reason=DeadReason.MALFORMED, detail=detail, due_at=None
            )
        return True

    def _letter_key(self, org_id: str, receipt: str) -> Key:
        key = org_id, receipt
        is_free = receipt and key not in self._kept and not self._finished_at(key)
        return key if is_free else (org_id, f"~{receipt}")

    def _rename(self, old: Key, new: Key) -> None:
        record = self._kept[new] = self._kept.pop(old)
        record.delivery = replace(record.delivery, event_id=new[1])

    def _revived_letter(self, org_id: str, receipt: str) -> Record | None:
        for (org, _), record in self._kept.items():
            if (
                (org, record.delivery.receipt) == (org_id, receipt)
                and record.is_evidence
                and record.due
            ):
                return record
        return None
