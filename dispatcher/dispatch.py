"""The walk: from an event to a recorded outcome, eight stops, each noun made once.

::

    1 Event ── Ledger.claim ─▶ 2 Trigger ─▶ 3 Policy ─▶ 4 Recipient ─▶ 5 Message
      ─▶ 6 Delivery ─▶ 7 Outcome (judge) ─▶ 8 recorded, then acknowledged by the caller

No stop looks back. Silence is an outcome with a reason.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Final

from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Observed,
    Outcome,
    Receipt,
    Report,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.errors import StoreUnavailable, TransportError, UnknownTrigger
from dispatcher.events import Event, Recipient
from dispatcher.judge import MAX_CRASHES, judge
from dispatcher.message import Draft, fingerprint
from dispatcher.patience import insist
from dispatcher.policy import Policy
from dispatcher.ports import (
    Claim,
    Clock,
    Directory,
    Ledger,
    Observer,
    PolicyStore,
    Refusal,
    Renderer,
    Transport,
)
from dispatcher.triggers import Trigger, Triggers

_SUSPICIOUS: Final = 2
"""Deaths of a worker after which an event may be their cause; one is nobody's fault."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Tells the right person, when the organization wants it, once.

    Args:
        ledger: Claims and records deliveries.
        policies: Says what an organization wants.
        directory: Says who is to be told.
        renderer: Makes the message.
        transport: Hands it to a relay.
        clock: Tells the time.
        observer: Sees every outcome.
        triggers: The kinds of mail there are.
        secret: Keys the fingerprints of addresses.
        max_age: Seconds after which an undelivered event is dead instead of late.
    """

    ledger: Ledger
    policies: PolicyStore
    directory: Directory
    renderer: Renderer
    transport: Transport
    clock: Clock
    observer: Observer
    triggers: Triggers
    secret: bytes
    max_age: float
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
        try:
            report = await self._walk(event, claim)
            recorded = await insist(lambda: self.ledger.record(claim, report), self.observer)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):  # the lease runs out by itself
                await self.ledger.release(claim)
            raise
        self._observe(event, report, claim.accepted_at, fenced=not recorded)
        return report.outcome

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

    async def _walk(self, event: Event, claim: Claim) -> Report:
        try:
            return await self._steps(event, claim)
        except Exception as error:  # noqa: BLE001 - a claim that nobody records would never end
            return Report(self._judge(error, event, claim))

    async def _steps(self, event: Event, claim: Claim) -> Report:
        if claim.crashes >= MAX_CRASHES:
            return Report(Dead(DeadReason.ATTEMPTS, f"{claim.crashes} workers died of it"))
        try:
            trigger = self.triggers.for_type(event.type)
        except UnknownTrigger as error:
            return Report(Dead(DeadReason.MALFORMED, str(error)))
        policy = await self.policies.effective(event.org_id)
        ruling = Ruling(policy.owner, policy.sequence) if policy else None
        if not (policy and policy.permits(trigger.switch)):
            return Report(_silence(policy), trigger.name, ruling)
        recipient = await self.directory.find(event)
        if recipient is None:
            return Report(Skipped(SkipReason.NO_RECIPIENT), trigger.name, ruling)
        outcome, attempt = await self._attempt(event, trigger, recipient, claim)
        known_by = fingerprint(self.secret, recipient.address)
        return Report(outcome, trigger.name, ruling, known_by, attempt)

    async def _attempt(
        self, event: Event, trigger: Trigger, recipient: Recipient, claim: Claim
    ) -> tuple[Outcome, Attempt | None]:
        age = self._age(event)
        if age >= self.max_age and not claim.revived:  # a person who sends it again knows its age
            return Dead(DeadReason.EXPIRED, f"the change was {age:.0f} s ago"), None
        started_at, started = self.clock.now(), monotonic()
        try:
            draft = Draft(trigger.name, event.org_id, event.id, recipient, trigger.facts(event))
            message = self.renderer.render(draft)
            receipt = await self.transport.deliver(message)
        except Exception as error:  # noqa: BLE001 - the judge has an answer for every error
            outcome = self._judge(error, event, claim)
            attempt = _failed(claim, started_at, monotonic() - started, outcome.reason.value, error)
            return outcome, attempt
        return Sent(), _accepted(claim, started_at, receipt)

    def _judge(self, error: Exception, event: Event, claim: Claim) -> Deferred | Dead:
        age = self._age(event)
        return judge(error, attempt=claim.attempt, age=age, max_age=self.max_age)

    def _refused(self, event: Event, refusal: Refusal) -> Outcome:
        outcome = Skipped(SkipReason.DUPLICATE)
        if refusal is Refusal.DUPLICATE:
            self._observe(event, Report(outcome), self.clock.now())
        return outcome

    def _observe(
        self, event: Event, report: Report, accepted_at: datetime, *, fenced: bool = False
    ) -> None:
        seconds = max((self.clock.now() - accepted_at).total_seconds(), 0.0)
        self.observer.finished(Observed(event.org_id, event.id, report, seconds, fenced))

    def _age(self, event: Event) -> float:
        return (self.clock.now() - event.occurred_at).total_seconds()


def _silence(policy: Policy | None) -> Skipped:
    return Skipped(SkipReason.POLICY_UNSET if policy is None else SkipReason.POLICY_OFF)


def _accepted(claim: Claim, started_at: datetime, receipt: Receipt) -> Attempt:
    return Attempt(
        claim.attempt, started_at, receipt.duration, "sent", receipt.relay, "final", receipt.code
    )


def _failed(
    claim: Claim, started_at: datetime, duration: float, result: str, error: Exception
) -> Attempt:
    if not isinstance(error, TransportError):
        return Attempt(claim.attempt, started_at, duration, result)
    return Attempt(
        claim.attempt,
        started_at,
        duration,
        result,
        error.relay,
        error.phase,
        error.code,
        error.enhanced,
    )
