"""The stops of the walk between claim and record: what is to become of an event, and why.

::

    2 Trigger ─▶ 3 Policy ─▶ 4 Recipient ─▶ 5 Message ─▶ 6 Delivery ─▶ 7 Outcome (judge)

No stop looks back. Silence is an outcome with a reason.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from time import monotonic
from typing import Final, NamedTuple

from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Outcome,
    Receipt,
    Report,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.errors import TransportError, UnknownTrigger
from dispatcher.events import Addressee, Event
from dispatcher.judge import MAX_CRASHES, judge
from dispatcher.ledger import Fold, Folds
from dispatcher.message import Draft, Message, fingerprint
from dispatcher.policy import Policy
from dispatcher.ports import (
    Claim,
    Clock,
    Correspondence,
    Directory,
    NoTracer,
    PolicyStore,
    Renderer,
    Tracer,
    Transport,
)
from dispatcher.suppression import EVERYWHERE, Suppression
from dispatcher.triggers import Trigger, Triggers

_AT_ONCE: Final = Fold()


class _Known(NamedTuple):
    """What every report on an event says once its policy is known."""

    trigger: str
    ruling: Ruling | None
    source: str

    def report(
        self,
        outcome: Outcome,
        recipient: str = "",
        attempt: Attempt | None = None,
        message: Message | None = None,
    ) -> Report:
        return Report(outcome, self.trigger, self.ruling, recipient, attempt, message, self.source)


@dataclass(frozen=True, slots=True)
class Walk:
    """Tells the right person, when the organization wants it; learns what became of it.

    Args:
        policies: Says what an organization wants.
        directory: Says who is to be told.
        correspondence: Says how the organization's mails leave, and to whom none may go.
        renderer: Makes the message.
        transport: Hands it to a relay.
        clock: Tells the time.
        triggers: The kinds of mail there are.
        secret: Keys the fingerprints of addresses.
        max_age: Seconds after which an undelivered event is dead instead of late.
        folds: Says how a change is told that may be one of a storm.
        fold_window: Seconds in which the same user's changes are told together; 0 tells each.
        tracer: Tells how long each stop takes.
    """

    policies: PolicyStore
    directory: Directory
    correspondence: Correspondence
    renderer: Renderer
    transport: Transport
    clock: Clock
    triggers: Triggers
    secret: bytes
    max_age: float
    folds: Folds
    fold_window: float = 0.0
    tracer: Tracer = field(default_factory=NoTracer)

    async def take(self, event: Event, claim: Claim) -> Report:
        """Return what became of the event. Total: every error has an answer."""
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
        with self.tracer.stop("policy"):
            policy = await self.policies.effective(event.org_id)
        ruling = Ruling(policy.owner, policy.sequence) if policy else None
        known = _Known(trigger.name, ruling, event.source or "")
        if not (policy and policy.permits(trigger.switch)):
            return known.report(_silence(policy))
        try:
            return await self._tell(event, trigger, claim, known)
        except Exception as error:  # noqa: BLE001 - its story tells which policy decided all the same
            return known.report(self._judge(error, event, claim))

    async def _tell(self, event: Event, trigger: Trigger, claim: Claim, known: _Known) -> Report:
        with self.tracer.stop("recipient"):
            recipient = await self.directory.find(event, trigger.addressee)
        if isinstance(recipient, Skipped):
            return known.report(recipient)
        known_by = fingerprint(self.secret, recipient.address)
        terms = await self.correspondence.terms(event.org_id, known_by)
        if terms.suppression and not claim.revived_at:  # a person who sends it again knows
            return known.report(_suppressed(terms.suppression), known_by)
        age = self._age(event, claim)
        if age >= self.max_age:
            what = "it was sent again" if claim.revived_at else "the change was"
            expired = Dead(DeadReason.EXPIRED, f"{what} {age:.0f} s ago")
            return known.report(expired, known_by)
        fold = await self._fold(event, trigger, known_by, claim)
        if fold.wait or fold.into:
            return known.report(_folded(fold), known_by)
        facts = {**trigger.facts(event), "changes": str(fold.changes) if fold.changes else None}
        about = trigger.name, event.org_id, event.id
        draft = Draft(*about, recipient, facts, terms.sender, terms.look)
        outcome, attempt, message = await self._attempt(event, draft, claim)
        return known.report(outcome, known_by, attempt, message)

    async def _fold(self, event: Event, trigger: Trigger, known_by: str, claim: Claim) -> Fold:
        never_asked = claim.revived_at and not claim.changes  # a person wants this very one told
        if (self.fold_window <= 0 and not claim.changes) or never_asked:
            return _AT_ONCE
        # Each previous mailbox has to learn by itself that it is one.
        each = trigger.addressee is Addressee.PREVIOUS
        whose = known_by if each else event.user.id or known_by
        subject = _subject(self.secret, event.org_id, trigger.name, whose)
        return await self.folds.fold(claim, subject, self.fold_window)

    async def _attempt(
        self, event: Event, draft: Draft, claim: Claim
    ) -> tuple[Outcome, Attempt, Message | None]:
        started_at, started = self.clock.now(), monotonic()
        message = claim.message
        try:
            with self.tracer.stop("render"):
                message = message or self.renderer.render(draft)
            with self.tracer.stop("relay"):
                receipt = await self.transport.deliver(message, draft.sender)
        except Exception as error:  # noqa: BLE001 - the judge has an answer for every error
            outcome = self._judge(error, event, claim)
            attempt = _failed(claim, started_at, monotonic() - started, outcome.reason.value, error)
            return outcome, attempt, message if isinstance(outcome, Dead) else None
        return Sent(), _accepted(claim, started_at, receipt), None

    def _judge(self, error: Exception, event: Event, claim: Claim) -> Deferred | Dead:
        age = self._age(event, claim)
        return judge(error, attempt=claim.attempt, age=age, max_age=self.max_age)

    def _age(self, event: Event, claim: Claim) -> float:
        since = claim.revived_at or event.occurred_at  # whoever sends it again knows how old it is
        return (self.clock.now() - since).total_seconds()


def _subject(secret: bytes, *names: str) -> str:
    text = "\0".join(names).encode(errors="backslashreplace")
    return blake2b(text, key=secret[:64], digest_size=12, person=b"fold").hexdigest()


def _folded(fold: Fold) -> Outcome:
    if fold.into:
        return Skipped(SkipReason.FOLDED, f"told of by {fold.into}")
    return Deferred(DeferReason.FOLDING, fold.wait, burns=False)


def _silence(policy: Policy | None) -> Skipped:
    return Skipped(SkipReason.POLICY_UNSET if policy is None else SkipReason.POLICY_OFF)


def _suppressed(suppression: Suppression) -> Skipped:
    where = "everywhere" if suppression.scope == EVERYWHERE else f"for {suppression.scope}"
    said = f": {suppression.detail}" if suppression.detail else ""
    detail = f"{suppression.reason}, {where}, since {suppression.since:%Y-%m-%dT%H:%M:%SZ}{said}"
    return Skipped(SkipReason.SUPPRESSED, detail)


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
