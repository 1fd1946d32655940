"""The walk: what becomes of an event, stop by stop, in memory."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.adapters.mail.smtp_memory import MemoryTransport
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_correspondence import MemoryCorrespondence
from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.adapters.store.memory_suppressions import MemorySuppressionStore
from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Delivery,
    Outcome,
    Receipt,
    Report,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
    State,
)
from dispatcher.dispatch import Dispatcher
from dispatcher.errors import (
    RecipientRefused,
    RelayFault,
    RenderError,
    SenderUnreadable,
    StoreUnavailable,
    TransientTransportError,
    TransportError,
    UncertainDelivery,
)
from dispatcher.events import Event
from dispatcher.judge import MAX_CRASHES
from dispatcher.message import Draft, Message, fingerprint
from dispatcher.policy import INSTANCE, Policy
from dispatcher.ports import Claim, Ledger, Refusal, SuppressionStore, Terms, Transport
from dispatcher.sender import Sender
from dispatcher.suppression import EVERYWHERE, Kept, Suppression, SuppressionReason
from dispatcher.suppressions import Suppressions
from dispatcher.triggers import discover
from dispatcher.walk import Walk
from tests.builders import NOON, StandingClock, Witness, a_user, an_event

_T = TypeVar("_T")

SECRET = b"0123456789abcdef"
MAX_AGE = 86_400.0


class PlainRenderer:
    """Renders the draft's facts, or raises what it was told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.drafts: list[Draft] = []

    def render(self, draft: Draft) -> Message:
        if self.error is not None:
            raise self.error
        self.drafts.append(draft)
        return Message(f"<{draft.event_id}@x>", "from@x", draft.recipient.address, b"content")


class World:
    """The walk in memory, with the world around it."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.ledger = MemoryLedger(self.clock)
        self.policies = MemoryPolicyStore(self.clock)
        self.correspondence = MemoryCorrespondence()
        self.suppression_store: SuppressionStore = MemorySuppressionStore(
            self.clock, self.correspondence.suppressions
        )
        self.renderer = PlainRenderer()
        self.transport = MemoryTransport()
        self.witness = Witness()
        self.fold_window = 0.0

    @property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.suppression_store, self.clock, SECRET, age=3600.0)

    def dispatcher(
        self, *, ledger: Ledger | None = None, transport: Transport | None = None
    ) -> Dispatcher:
        walk = Walk(
            policies=self.policies,
            directory=FromEvent(),
            correspondence=self.correspondence,
            renderer=self.renderer,
            transport=transport or self.transport,
            clock=self.clock,
            triggers=discover(),
            secret=SECRET,
            max_age=MAX_AGE,
            folds=self.ledger,
            fold_window=self.fold_window,
        )
        return Dispatcher(ledger or self.ledger, walk, self.clock, self.witness, self.suppressions)

    def want_mail(self, owner: str = "acme", *, on: bool = True) -> None:
        asyncio.run(self.policies.put(owner, {"passwordChange": on}))

    def dispatch(
        self, event: Event | None = None, *, receipt: str = "m-1", **ports: Any
    ) -> Outcome:
        walk = self.dispatcher(**ports).dispatch(event or an_event(), receipt=receipt)
        return asyncio.run(walk)

    def fails_with(self, *errors: TransportError | None) -> None:
        self.transport = MemoryTransport(errors)

    def suppress(self, address: str, scope: str) -> None:
        recipient = fingerprint(SECRET, address)
        self.correspondence.suppressions[scope, recipient] = Suppression(
            scope, recipient, SuppressionReason.HARD_BOUNCE, NOON, "5.1.1"
        )

    def delivery(self, event_id: str = "evt-1", org: str = "acme") -> Delivery:
        (found,) = asyncio.run(self.ledger.find(event_id, org_id=org))
        return found


@pytest.fixture
def world() -> World:
    return World()


def run(awaitable: Awaitable[_T]) -> _T:
    async def wait() -> _T:
        return await awaitable

    return asyncio.run(wait())


def test_sends_when_the_organization_wants_it(world: World) -> None:
    world.want_mail()
    assert world.dispatch() == Sent()
    (message,) = world.transport.messages
    assert message.recipient == "ada@example.org"
    told = world.delivery()
    assert (told.state, told.attempts, told.trigger) == (State.SENT, 1, "password_change")
    assert told.ruling == Ruling("acme", 1)
    assert told.recipient == fingerprint(SECRET, "ada@example.org")
    assert told.event is None


def test_the_default_counts_where_the_organization_has_no_policy(world: World) -> None:
    world.want_mail(INSTANCE)
    assert world.dispatch() == Sent()
    assert world.delivery().ruling == Ruling(INSTANCE, 1)


def test_the_organizations_own_policy_overrides_the_default(world: World) -> None:
    world.want_mail(INSTANCE)
    world.want_mail("acme", on=False)
    assert world.dispatch() == Skipped(SkipReason.POLICY_OFF)


@pytest.mark.parametrize(("scope", "where"), [(EVERYWHERE, "everywhere"), ("acme", "for acme")])
def test_a_suppressed_address_gets_no_mail_and_the_story_says_why(
    world: World, scope: str, where: str
) -> None:
    world.want_mail()
    world.suppress("ada@example.org", scope)
    detail = f"hard_bounce, {where}, since 2026-11-24T12:00:00Z: 5.1.1"
    assert world.dispatch() == Skipped(SkipReason.SUPPRESSED, detail)
    told = world.delivery()
    assert (told.state, told.reason, told.detail) == (State.SKIPPED, "suppressed", detail)
    assert told.recipient == fingerprint(SECRET, "ada@example.org")
    assert not world.transport.messages


def test_a_suppression_counts_for_its_own_organization_and_address_only(world: World) -> None:
    world.want_mail()
    world.suppress("ada@example.org", "globex")
    world.suppress("bob@example.org", EVERYWHERE)
    assert world.dispatch() == Sent()


def test_a_person_who_sends_a_letter_again_overrides_a_suppression(world: World) -> None:
    world.want_mail()
    world.fails_with(RecipientRefused("no such user", code=550))
    world.dispatch()
    world.suppress("ada@example.org", EVERYWHERE)
    assert run(world.ledger.revive("acme", "evt-1"))
    assert world.dispatch() == Sent()


def unknown_mailbox(enhanced: str = "5.1.1", phase: str = "rcpt") -> RecipientRefused:
    return RecipientRefused("refused", phase=phase, code=550, enhanced=enhanced)


def test_a_mailbox_that_the_relay_does_not_know_gets_no_further_mail(world: World) -> None:
    world.want_mail()
    world.want_mail("globex")
    world.fails_with(unknown_mailbox())
    refused = world.dispatch()
    assert isinstance(refused, Dead)
    assert refused.reason is DeadReason.REJECTED_RECIPIENT
    detail = "hard_bounce, for acme, since 2026-11-24T12:00:01Z: 5.1.1"
    assert world.dispatch(an_event("evt-2")) == Skipped(SkipReason.SUPPRESSED, detail)
    assert world.dispatch(an_event(org="globex")) == Sent()
    (kept,) = world.correspondence.suppressions.values()
    assert (kept.event_id, kept.until) == ("evt-1", world.clock.now() + timedelta(hours=1))


@pytest.mark.parametrize(
    "error",
    [
        unknown_mailbox(""),
        unknown_mailbox("5.7.1"),
        unknown_mailbox("5.2.2"),
        unknown_mailbox("5.1.1", phase="final"),
        RecipientRefused("refused", phase="rcpt", enhanced="5.1.1"),
    ],
)
def test_any_other_refusal_suppresses_nothing(world: World, error: RecipientRefused) -> None:
    world.want_mail()
    world.fails_with(error)
    world.dispatch()
    assert not world.correspondence.suppressions
    assert world.dispatch(an_event("evt-2")) == Sent()


def test_a_mailbox_that_takes_a_mail_sent_again_is_no_longer_suppressed(world: World) -> None:
    world.want_mail()
    world.fails_with(unknown_mailbox())
    world.dispatch()
    assert run(world.ledger.revive("acme", "evt-1"))
    assert world.dispatch() == Sent()
    assert world.dispatch(an_event("evt-2")) == Sent()


def test_what_an_operator_suppressed_stays_so_when_a_mail_sent_again_is_taken(
    world: World,
) -> None:
    world.want_mail()
    world.fails_with(unknown_mailbox())
    world.dispatch()
    run(world.suppressions.forbid("acme", "Ada@example.org", "left"))
    assert run(world.ledger.revive("acme", "evt-1"))
    assert world.dispatch() == Sent()
    assert isinstance(world.dispatch(an_event("evt-2")), Skipped)


def test_a_store_that_cannot_keep_a_suppression_holds_up_no_event(world: World) -> None:
    class Away(MemorySuppressionStore):
        async def add(self, suppression: Suppression) -> Kept:
            del suppression
            raise StoreUnavailable("away")

    world.want_mail()
    world.suppression_store = Away(world.clock)
    world.fails_with(unknown_mailbox())
    assert isinstance(world.dispatch(), Dead)
    assert world.delivery().state is State.DEAD
    assert world.witness.waits == ["suppressions: away"]


def test_draft_and_transport_get_the_organizations_sender(world: World) -> None:
    world.want_mail()
    sender = world.correspondence.senders["acme"] = Sender("acme", "Acme <no-reply@acme.example>")
    assert world.dispatch() == Sent()
    assert world.renderer.drafts[0].sender is sender
    assert world.transport.senders == [sender]


def test_a_sender_that_cannot_be_read_defers_the_delivery_and_costs_no_attempt(
    world: World,
) -> None:
    world.want_mail()

    class Locked(MemoryCorrespondence):
        async def terms(self, org_id: str, recipient: str) -> Terms:
            del org_id, recipient
            raise SenderUnreadable("its key is not here")

    world.correspondence = Locked()
    outcome = world.dispatch()
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.burns) == (DeferReason.SENDER_UNREADABLE, False)
    assert not world.transport.messages
    told = world.delivery()
    assert (told.trigger, told.ruling) == ("password_change", Ruling("acme", 1))


@pytest.mark.parametrize(
    ("owner", "reason"), [("acme", SkipReason.POLICY_OFF), ("other", SkipReason.POLICY_UNSET)]
)
def test_is_silent_for_a_reason(world: World, owner: str, reason: SkipReason) -> None:
    world.want_mail(owner, on=False)
    assert world.dispatch() == Skipped(reason)
    assert world.transport.messages == []
    assert world.delivery().reason == reason.value


def test_skips_when_nobody_can_be_told(world: World) -> None:
    world.want_mail()
    assert world.dispatch(an_event(user=a_user(email=None))) == Skipped(SkipReason.NO_RECIPIENT)


def test_mails_an_event_once_however_often_it_comes(world: World) -> None:
    world.want_mail()
    outcomes = [world.dispatch(receipt=f"m-{n}") for n in range(3)]
    assert outcomes == [Sent(), *[Skipped(SkipReason.DUPLICATE)] * 2]
    assert len(world.transport.messages) == 1
    totals = run(world.ledger.totals())
    assert (totals.accepted, totals.sent, totals.skipped, totals.open) == (3, 1, 2, 0)
    assert world.delivery().duplicates == 2


def test_counts_nothing_when_the_queue_brings_a_message_again(world: World) -> None:
    world.want_mail()
    world.dispatch()
    world.dispatch()
    assert run(world.ledger.totals()).accepted == 1
    assert len(world.witness.seen) == 1


def test_one_organizations_id_never_makes_anothers_event_a_duplicate(world: World) -> None:
    world.want_mail(INSTANCE)
    assert world.dispatch(an_event(org="acme"), receipt="m-1") == Sent()
    assert world.dispatch(an_event(org="globex"), receipt="m-2") == Sent()


def test_tries_again_after_a_temporary_failure(world: World) -> None:
    world.want_mail()
    world.fails_with(TransientTransportError("451", phase="rcpt", relay="mx", code=451))
    outcome = world.dispatch()
    assert isinstance(outcome, Deferred)
    assert outcome.reason is DeferReason.TEMPORARY
    assert world.delivery().due_at == world.clock.now() + timedelta(seconds=outcome.delay)
    assert run(world.ledger.take_due(10)) == []
    world.clock.advance(outcome.delay)
    (parcel,) = run(world.ledger.take_due(10))
    assert (parcel.receipt, parcel.event["id"]) == ("m-1", "evt-1")
    assert world.dispatch() == Sent()
    first, second = world.delivery().history
    assert (first.result, first.relay, first.phase, first.code) == ("temporary", "mx", "rcpt", 451)
    assert (second.number, second.result) == (2, "sent")


def test_a_relay_that_serves_nobody_burns_no_attempt(world: World) -> None:
    world.want_mail()
    world.fails_with(RelayFault("refused", phase="connect", relay="mx"))
    outcome = world.dispatch()
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.burns) == (DeferReason.RELAY_UNAVAILABLE, False)
    assert world.delivery().attempts == 0


def test_gives_up_a_recipient_whom_the_relay_refuses(world: World) -> None:
    world.want_mail()
    world.fails_with(RecipientRefused("550 no such user", phase="rcpt", relay="mx", code=550))
    assert world.dispatch() == Dead(DeadReason.REJECTED_RECIPIENT, "550 no such user")
    letter = world.delivery()
    assert (letter.state, letter.detail) == (State.DEAD, "550 no such user")
    assert letter.event is not None


def test_gives_up_what_cannot_be_rendered(world: World) -> None:
    world.want_mail()
    world.renderer.error = RenderError("body.txt: 'x' is undefined")
    assert world.dispatch() == Dead(DeadReason.RENDER_ERROR, "body.txt: 'x' is undefined")


def test_a_missing_reply_after_the_final_dot_is_uncertain_and_tried_again(world: World) -> None:
    world.want_mail()
    world.fails_with(UncertainDelivery("no reply", phase="final", relay="mx"))
    outcome = world.dispatch()
    assert isinstance(outcome, Deferred)
    assert outcome.reason is DeferReason.UNCERTAIN


def test_an_old_event_is_dead_rather_than_late(world: World) -> None:
    world.want_mail()
    stale = an_event(occurred_at=world.clock.now() - timedelta(seconds=MAX_AGE))
    assert world.dispatch(stale) == Dead(DeadReason.EXPIRED, "the change was 86400 s ago")
    assert world.transport.messages == []


def test_an_expired_letter_that_a_person_sends_again_is_tried_as_long_as_a_new_event(
    world: World,
) -> None:
    world.want_mail()
    stale = an_event(occurred_at=world.clock.now() - timedelta(seconds=MAX_AGE))
    world.dispatch(stale)
    world.fails_with(TransientTransportError("451", phase="rcpt", relay="mx", code=451), None)
    assert run(world.ledger.revive("acme", stale.id))
    assert isinstance(world.dispatch(stale), Deferred)
    world.clock.advance(60.0)
    assert world.dispatch(stale) == Sent()


def test_a_letter_that_a_person_sent_again_expires_again(world: World) -> None:
    world.want_mail()
    stale = an_event(occurred_at=world.clock.now() - timedelta(seconds=MAX_AGE))
    world.dispatch(stale)
    assert run(world.ledger.revive("acme", stale.id))
    world.clock.advance(MAX_AGE)
    outcome = world.dispatch(stale)
    assert outcome == Dead(DeadReason.EXPIRED, "it was sent again 86400 s ago")


def test_what_a_person_sent_again_overrides_a_suppression_at_each_of_its_attempts(
    world: World,
) -> None:
    world.want_mail()
    greylisted = TransientTransportError("451", phase="rcpt", relay="mx", code=451)
    world.fails_with(unknown_mailbox(), greylisted, None)
    world.dispatch()
    assert run(world.ledger.revive("acme", "evt-1"))
    assert isinstance(world.dispatch(), Deferred)
    world.clock.advance(60.0)
    assert world.dispatch() == Sent()
    assert not world.correspondence.suppressions


def test_an_old_event_of_an_organization_that_wants_no_mail_is_skipped_not_dead(
    world: World,
) -> None:
    stale = an_event(occurred_at=world.clock.now() - timedelta(days=9))
    assert world.dispatch(stale) == Skipped(SkipReason.POLICY_UNSET)


def test_a_bug_is_tried_again_and_then_given_up(world: World) -> None:
    world.want_mail()
    world.renderer.error = ZeroDivisionError("a bug")
    for _ in range(MAX_CRASHES - 1):
        outcome = world.dispatch()
        assert isinstance(outcome, Deferred)
        assert outcome.reason is DeferReason.INTERNAL_ERROR
        world.clock.advance(outcome.delay)
    assert world.dispatch() == Dead(DeadReason.ATTEMPTS, "5 attempts ended in ZeroDivisionError")


def test_gives_up_an_event_that_workers_die_of(world: World) -> None:
    world.want_mail()
    for _ in range(MAX_CRASHES):
        assert isinstance(run(world.ledger.claim(an_event(), receipt="m-1")), Claim)
        world.clock.advance(16)
    assert world.dispatch() == Dead(DeadReason.ATTEMPTS, "5 workers died of it")


def test_gives_up_an_event_that_workers_die_of_before_anything_else_can_go_wrong(
    world: World,
) -> None:
    class Deadly(MemoryPolicyStore):
        async def effective(self, org_id: str) -> Policy | None:
            raise AssertionError(org_id)

    for _ in range(MAX_CRASHES):
        assert isinstance(run(world.ledger.claim(an_event(), receipt="m-1")), Claim)
        world.clock.advance(16)
    world.policies = Deadly(world.clock)
    outcome = run(world.dispatcher().dispatch(an_event(), receipt="m-1"))
    assert outcome == Dead(DeadReason.ATTEMPTS, "5 workers died of it")


def test_events_that_workers_may_have_died_of_walk_one_at_a_time(world: World) -> None:
    world.want_mail()
    for number in (1, 2):
        for _ in range(2):
            claim = world.ledger.claim(an_event(f"evt-{number}"), receipt=f"m-{number}")
            assert isinstance(run(claim), Claim)
            world.clock.advance(16)

    async def walk() -> tuple[Outcome, Outcome]:
        delivering, proceed = asyncio.Event(), asyncio.Event()

        class Held(MemoryTransport):
            async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
                delivering.set()
                await proceed.wait()
                return await super().deliver(message, sender)

        walker = world.dispatcher(transport=Held())
        first = asyncio.create_task(walker.dispatch(an_event("evt-1"), receipt="m-1"))
        await delivering.wait()
        second = await walker.dispatch(an_event("evt-2"), receipt="m-2")
        proceed.set()
        return await first, second

    first, second = asyncio.run(walk())
    assert first == Sent()
    assert second == Deferred(DeferReason.INTERNAL_ERROR, 0.0, burns=False)
    (parcel,) = run(world.ledger.take_due(10))
    assert parcel.receipt == "m-2"
    assert world.dispatch(an_event("evt-2"), receipt="m-2") == Sent()


def test_an_event_type_without_a_trigger_is_malformed(world: World) -> None:
    outcome = world.dispatch(an_event(type="iam.user.created.v1"))
    assert isinstance(outcome, Dead)
    assert outcome.reason is DeadReason.MALFORMED


def test_keeps_a_malformed_event_and_takes_its_id_again_when_corrected(world: World) -> None:
    world.want_mail()
    evidence = {"id": "evt-1", "org_id": "acme"}
    rejected = world.dispatcher().reject(
        evidence, org_id="acme", event_id="evt-1", receipt="m-0", detail="user: is required"
    )
    assert run(rejected) == Dead(DeadReason.MALFORMED, "user: is required")
    assert world.delivery().event == evidence
    assert world.dispatch() == Sent()
    totals = run(world.ledger.totals())
    assert (totals.accepted, totals.sent, totals.dead) == (2, 1, 1)


def test_a_late_worker_cannot_overwrite_a_newer_verdict(world: World) -> None:
    world.want_mail()

    class Slow(MemoryTransport):
        async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
            world.clock.advance(16)
            newer = await world.ledger.claim(an_event(), receipt="m-1")
            assert isinstance(newer, Claim)
            return await super().deliver(message, sender)

    assert world.dispatch(transport=Slow()) == Sent()
    (seen,) = world.witness.seen
    assert seen.fenced
    assert world.delivery().state is State.CLAIMED


def test_waits_for_a_store_that_is_away_and_goes_on_by_itself(world: World) -> None:
    world.want_mail()

    class Away(MemoryLedger):
        refusals = 2

        async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
            if self.refusals:
                self.refusals -= 1
                raise StoreUnavailable("gone")
            return await super().claim(event, receipt=receipt)

    assert world.dispatch(ledger=Away(world.clock)) == Sent()
    assert world.witness.waits == ["store: gone"] * 2


@pytest.mark.parametrize("stop", ["claim", "record"])
def test_what_nobody_foresaw_in_the_ledger_is_waited_out_not_given_up(
    world: World, stop: str
) -> None:
    world.want_mail()

    class Odd(MemoryLedger):
        trouble = 1

        def fail_once(self, where: str) -> None:
            if self.trouble and where == stop:
                self.trouble -= 1
                raise OSError(24, "Too many open files")

        async def claim(self, event: Event, *, receipt: str) -> Claim | Refusal:
            self.fail_once("claim")
            return await super().claim(event, receipt=receipt)

        async def record(self, claim: Claim, report: Report) -> bool:
            self.fail_once("record")
            return await super().record(claim, report)

    assert world.dispatch(ledger=Odd(world.clock)) == Sent()
    assert len(world.transport.messages) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreUnavailable("WRONGTYPE"), DeferReason.STORE_UNAVAILABLE),
        (KeyError("sequence"), DeferReason.INTERNAL_ERROR),
    ],
)
def test_a_policy_that_cannot_be_read_sends_nothing_and_is_read_again_later(
    world: World, error: Exception, reason: DeferReason
) -> None:
    world.want_mail()

    class Broken(MemoryPolicyStore):
        async def effective(self, org_id: str) -> Policy | None:
            raise error if org_id else AssertionError

    whole, world.policies = world.policies, Broken(world.clock)
    outcome = world.dispatch()
    assert isinstance(outcome, Deferred)
    assert outcome.reason is reason
    assert world.transport.messages == []
    world.clock.advance(outcome.delay)
    world.policies = whole
    assert world.dispatch() == Sent()


def test_a_stopping_worker_gives_its_claim_back(world: World) -> None:
    world.want_mail()

    async def stop_while_delivering() -> None:
        delivering = asyncio.Event()

        class Stuck(MemoryTransport):
            async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
                delivering.set()
                await asyncio.Event().wait()
                return await super().deliver(message, sender)

        walk = asyncio.create_task(
            world.dispatcher(transport=Stuck()).dispatch(an_event(), receipt="m-1")
        )
        await delivering.wait()
        walk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await walk

    asyncio.run(stop_while_delivering())
    (parcel,) = run(world.ledger.take_due(10))
    assert parcel.receipt == "m-1"
    assert world.dispatch() == Sent()


def test_a_worker_that_stops_after_the_final_dot_records_the_doubt(world: World) -> None:
    world.want_mail()

    async def stop_after_the_final_dot() -> Outcome:
        written = asyncio.Event()

        class Unheard(MemoryTransport):
            async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
                written.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise UncertainDelivery("stopped", phase="final", relay="mx") from None
                return await super().deliver(message, sender)

        walk = asyncio.create_task(
            world.dispatcher(transport=Unheard()).dispatch(an_event(), receipt="m-1")
        )
        await written.wait()
        walk.cancel()
        return await walk

    outcome = asyncio.run(stop_after_the_final_dot())
    assert isinstance(outcome, Deferred)
    assert outcome.reason is DeferReason.UNCERTAIN
    assert run(world.ledger.take_due(10)) == []


def test_the_draft_says_what_the_trigger_knows_of_the_event(world: World) -> None:
    world.want_mail()
    world.dispatch(an_event(user=a_user(locale="de")))
    (draft,) = world.renderer.drafts
    facts: Mapping[str, Any] = draft.facts
    assert (draft.template, draft.org_id, draft.recipient.locale) == (
        "password_change",
        "acme",
        "de",
    )
    assert facts["occurred_at"] == NOON


def test_an_observer_sees_how_long_it_took(world: World) -> None:
    world.want_mail()

    class Late(MemoryTransport):
        async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
            world.clock.advance(2.5)
            return await super().deliver(message, sender)

    world.dispatch(transport=Late())
    (seen,) = world.witness.seen
    assert seen.seconds == 2.5


def in_a_storm(world: World, *event_ids: str) -> list[Outcome]:
    """Return what became of changes that one user's password saw within a window."""
    world.want_mail()
    world.fold_window = 60.0
    return [world.dispatch(an_event(name), receipt=f"m-{name}") for name in event_ids]


def test_a_storm_makes_one_mail_at_once_and_one_that_counts_the_others() -> None:
    world = World()
    first, second, third = in_a_storm(world, "a", "b", "c")
    assert first == Sent()
    assert isinstance(second, Deferred)
    assert (second.reason, second.delay, second.burns) == (DeferReason.FOLDING, 60.0, False)
    assert third == Skipped(SkipReason.FOLDED, "told of by b")
    world.clock.advance(61)
    assert world.dispatch(an_event("b"), receipt="m-b") == Sent()
    assert [draft.facts["changes"] for draft in world.renderer.drafts] == [None, "2"]
    totals = asyncio.run(world.ledger.totals())
    assert (totals.accepted, totals.sent, totals.skipped) == (3, 2, 1)


def test_changes_of_different_users_and_organizations_are_told_apart() -> None:
    world = World()
    in_a_storm(world, "a")
    world.want_mail("globex")
    other = an_event("b", user=a_user(id="somebody else"))
    assert world.dispatch(other, receipt="m-b") == Sent()
    assert world.dispatch(an_event("c", org="globex"), receipt="m-c") == Sent()


def test_a_letter_that_a_person_sends_again_waits_for_no_window() -> None:
    world = World()
    world.fails_with(RecipientRefused("550 5.1.1", code=550))
    in_a_storm(world, "a", "b")
    asyncio.run(world.ledger.revive("acme", "a"))
    world.fails_with()
    assert world.dispatch(an_event("a"), receipt="m-a") == Sent()


def test_what_dies_keeps_its_message_and_is_sent_as_it_was_on_demand() -> None:
    world = World()
    world.want_mail()
    world.fails_with(RecipientRefused("550 5.1.1", code=550))
    world.dispatch()
    kept = asyncio.run(world.ledger.message("acme", "evt-1"))
    assert kept is not None
    assert asyncio.run(world.ledger.revive("acme", "evt-1", as_it_was=True))
    world.fails_with()
    assert world.dispatch() == Sent()
    assert world.transport.messages == [kept]
    assert len(world.renderer.drafts) == 1


def test_what_could_not_be_rendered_keeps_no_message() -> None:
    world = World()
    world.want_mail()
    world.renderer.error = RenderError("no such template")
    world.dispatch()
    assert asyncio.run(world.ledger.message("acme", "evt-1")) is None


def test_who_told_us_stays_in_the_story() -> None:
    world = World()
    world.want_mail()
    world.dispatch(an_event(source="https://iam.example.com"))
    assert world.delivery().source == "https://iam.example.com"


def _address_change(event_id: str = "evt-1", *, previous: str | None = "old@example.org") -> Event:
    user = a_user(previous_email=previous)
    return an_event(event_id, user=user, type="iam.user.email_changed.v1")


def test_each_kind_of_mail_has_a_switch_of_its_own(world: World) -> None:
    world.want_mail()
    assert world.dispatch(_address_change()) == Skipped(SkipReason.POLICY_OFF)
    run(world.policies.put("acme", {"emailChange": True}))
    assert world.dispatch(_address_change("evt-2")) == Sent()
    assert world.dispatch(an_event("evt-3")) == Sent()
    to = [message.recipient for message in world.transport.messages]
    assert to == ["old@example.org", "ada@example.org"]
    assert world.delivery("evt-2").trigger == "email_change"


def test_deciding_about_one_kind_leaves_the_others_to_the_default(world: World) -> None:
    world.want_mail(INSTANCE)
    run(world.policies.put("acme", {"emailChange": True}))
    assert world.dispatch(an_event()) == Sent()


def test_an_address_change_without_the_old_address_tells_nobody(world: World) -> None:
    run(world.policies.put("acme", {"emailChange": True}))
    outcome = world.dispatch(_address_change(previous=None))
    assert outcome == Skipped(SkipReason.NO_RECIPIENT)
    assert not world.transport.messages


def test_each_previous_mailbox_is_told_even_in_a_storm(world: World) -> None:
    world.fold_window = 60.0
    run(world.policies.put("acme", {"emailChange": True}))
    for number in (1, 2):
        event = _address_change(f"evt-{number}", previous=f"old-{number}@example.org")
        assert world.dispatch(event) == Sent()
    assert isinstance(
        world.dispatch(_address_change("evt-3", previous="old-2@example.org")), Deferred
    )
