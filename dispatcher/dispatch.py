"""Dispatching: an event is claimed, walks, and its outcome is recorded.

::

    1 Event ── Ledger.claim ─▶ Walk (stops 2 to 7) ─▶ 8 recorded, then acknowledged by the caller
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Observed,
    Outcome,
    Report,
    Skipped,
    SkipReason,
)
from dispatcher.errors import StoreUnavailable
from dispatcher.events import Event
from dispatcher.patience import insist
from dispatcher.ports import Claim, Clock, Ledger, Observer, Refusal
from dispatcher.suppressions import Suppressions
from dispatcher.walk import Walk

_SUSPICIOUS: Final = 2
"""Deaths of a worker after which an event may be their cause; one is nobody's fault."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Tells the right person, when the organization wants it, once.

    Args:
        ledger: Claims and records deliveries.
        walk: Finds out what is to become of an event, and does it.
        clock: Tells the time.
        observer: Sees every outcome.
        suppressions: Learns which mailboxes do not exist.
    """

    ledger: Ledger
    walk: Walk
    clock: Clock
    observer: Observer
    suppressions: Suppressions
    quarter: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Where events that workers die of walk, one at a time: each death takes only one along."""

    async def dispatch(self, event: Event, *, receipt: str) -> Outcome:
        """Walk the event to a recorded outcome; when this returns, it may be acknowledged.

        Waits, as long as it takes, while the ledger is away: nothing is decided
        that cannot be recorded. A policy that cannot be read is a failed attempt.

        Args:
            event: What happened.
            receipt: The id of the queue's message that brought it.
        """
        claim = await insist(lambda: self.ledger.claim(event, receipt=receipt), self.observer)
        if isinstance(claim, Refusal):
            return self._refused(event, claim)
        if claim.crashes < _SUSPICIOUS:
            return await self._finish(event, claim)
        if self.quarter.locked():
            return await self._put_off(claim)
        async with self.quarter:
            return await self._finish(event, claim)

    async def _finish(self, event: Event, claim: Claim) -> Outcome:
        with self.walk.tracer.walk(event) as trace_id:
            try:
                report = await self.walk.take(event, claim)
                recorded = await insist(lambda: self.ledger.record(claim, report), self.observer)
            except asyncio.CancelledError:
                with suppress(StoreUnavailable):  # the lease runs out by itself
                    await self.ledger.release(claim)
                raise
        self._observe(event, report, claim.accepted_at, trace_id, fenced=not recorded)
        if recorded:
            await self._learn(claim, report)
        return report.outcome

    async def _learn(self, claim: Claim, report: Report) -> None:
        try:
            await self.suppressions.learn(claim, report)
        except StoreUnavailable as error:  # the next mail to that mailbox teaches it again
            self.observer.waiting("suppressions", error)

    async def _put_off(self, claim: Claim) -> Outcome:
        await insist(lambda: self.ledger.release(claim), self.observer)
        return Deferred(DeferReason.INTERNAL_ERROR, 0.0, burns=False)

    async def reject(
        self, evidence: Mapping[str, Any], *, org_id: str, event_id: str, receipt: str, detail: str
    ) -> Outcome:
        """Keep a malformed event as a dead letter; the arguments are ``Ledger.reject``'s."""
        await insist(
            lambda: self.ledger.reject(
                evidence, org_id=org_id, event_id=event_id, receipt=receipt, detail=detail
            ),
            self.observer,
        )
        outcome = Dead(DeadReason.MALFORMED, detail)
        self.observer.finished(Observed(org_id, event_id or receipt, Report(outcome), 0.0))
        return outcome

    def _refused(self, event: Event, refusal: Refusal) -> Outcome:
        outcome = Skipped(SkipReason.DUPLICATE)
        if refusal is Refusal.DUPLICATE:
            self._observe(event, Report(outcome), self.clock.now(), event.trace_id)
        return outcome

    def _observe(
        self,
        event: Event,
        report: Report,
        accepted_at: datetime,
        trace_id: str,
        *,
        fenced: bool = False,
    ) -> None:
        seconds = max((self.clock.now() - accepted_at).total_seconds(), 0.0)
        ended = Observed(event.org_id, event.id, report, seconds, fenced, trace_id)
        self.observer.finished(ended)
