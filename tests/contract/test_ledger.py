"""What every ledger promises: nothing is lost, nothing is told twice without being counted."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Delivery,
    DeliveryFilter,
    Outcome,
    Report,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
    State,
)
from dispatcher.ledger import Fold
from dispatcher.message import Message
from dispatcher.ports import Claim, Refusal
from tests.builders import an_event
from tests.contract.worlds import HORIZON, LEASE, PUBLISHING, World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
EVENT = an_event(UUID)
TEMPORARY = Deferred(DeferReason.TEMPORARY, 60.0)
REJECTED = Dead(DeadReason.REJECTED_RECIPIENT, "550 no such mailbox")


async def granted(world: World, *, receipt: str = "r-1", event_id: str = UUID) -> Claim:
    claim = await world.ledger.claim(an_event(event_id), receipt=receipt)
    assert isinstance(claim, Claim)
    return claim


async def ended(world: World, outcome: Outcome, **names: str) -> Claim:
    claim = await granted(world, **names)
    assert await world.ledger.record(claim, Report(outcome))
    return claim


async def the_delivery(world: World, event_id: str = UUID) -> Delivery:
    [delivery] = await world.ledger.find(event_id, org_id="acme")
    return delivery


async def counts(world: World) -> tuple[int, int, int, int]:
    totals = await world.ledger.totals()
    assert totals == await world.ledger.totals(org_id="acme")
    return totals.accepted, totals.sent, totals.skipped, totals.dead


async def reject(world: World, *, receipt: str = "bad-1", event_id: str = UUID) -> None:
    await world.ledger.reject(
        {"id": event_id}, org_id="acme", event_id=event_id, receipt=receipt, detail="no user"
    )


def test_a_new_event_is_granted_as_its_first_attempt(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        assert (claim.attempt, claim.crashes) == (1, 0)
        delivery = await the_delivery(world)
        assert delivery.state is State.CLAIMED
        assert delivery.accepted_at == claim.accepted_at
        assert delivery.event == EVENT.to_wire()
        assert await counts(world) == (1, 0, 0, 0)

    play(story)


def test_a_redelivered_message_waits_while_a_worker_has_its_event(play: Play) -> None:
    async def story(world: World) -> None:
        await granted(world)
        assert await world.ledger.claim(EVENT, receipt="r-1") is Refusal.REDELIVERED
        assert await counts(world) == (1, 0, 0, 0)

    play(story)


@pytest.mark.parametrize("outcome", [None, Sent(), TEMPORARY, REJECTED])
def test_another_message_with_a_known_event_is_a_duplicate_counted_once(
    play: Play, outcome: Outcome | None
) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        if outcome is not None:
            await world.ledger.record(claim, Report(outcome))
        before = await world.ledger.totals()
        for receipt in ("r-2", "r-2", "r-3"):
            assert await world.ledger.claim(EVENT, receipt=receipt) is Refusal.DUPLICATE
        after = await world.ledger.totals()
        assert (after.accepted, after.skipped) == (before.accepted + 2, before.skipped + 2)
        assert after.open == before.open
        assert (await the_delivery(world)).duplicates == 2

    play(story)


def test_one_organizations_id_makes_nobody_elses_event_a_duplicate(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Sent())
        other = await world.ledger.claim(an_event(UUID, org="globex"), receipt="r-2")
        assert isinstance(other, Claim)
        found = await world.ledger.find(UUID)
        assert [delivery.org_id for delivery in found] == ["acme", "globex"]

    play(story)


def test_a_finished_delivery_keeps_its_story_but_not_its_event(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world, receipt="9d2504e0-4f89-41d3-9a0c-0305e82c3301")
        tried = Attempt(
            1,
            claim.accepted_at - timedelta(microseconds=7),
            0.012345,
            "sent",
            "mx:25",
            "final",
            250,
        )
        report = Report(
            Sent(), "password_change", Ruling("acme", 3), "00ff00ff00ff00ff", attempt=tried
        )
        assert await world.ledger.record(claim, report)
        delivery = await the_delivery(world)
        assert delivery.state is State.SENT
        assert delivery.receipt == "9d2504e0-4f89-41d3-9a0c-0305e82c3301"
        assert (delivery.trigger, delivery.ruling) == ("password_change", Ruling("acme", 3))
        assert delivery.recipient == "00ff00ff00ff00ff"
        assert delivery.history == (tried,)
        assert (delivery.attempts, delivery.event, delivery.due_at) == (1, None, None)
        assert delivery.accepted_at == claim.accepted_at
        assert await counts(world) == (1, 1, 0, 0)
        assert await world.ledger.claim(EVENT, receipt=delivery.receipt) is Refusal.REDELIVERED

    play(story)


def test_silence_is_an_outcome_with_a_reason(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Skipped(SkipReason.POLICY_OFF))
        delivery = await the_delivery(world)
        assert (delivery.state, delivery.reason) == (State.SKIPPED, "policy_off")
        assert (await world.ledger.totals()).reasons == {"skipped:policy_off": 1}

    play(story)


def test_recording_the_same_verdict_again_is_agreed_to_and_counts_once(play: Play) -> None:
    async def story(world: World) -> None:
        for event_id, outcome in (("a", Sent()), ("b", TEMPORARY), ("c", REJECTED)):
            claim = await ended(world, outcome, event_id=event_id)
            before = await counts(world)
            assert await world.ledger.record(claim, Report(outcome))
            assert await counts(world) == before

    play(story)


def test_a_late_worker_cannot_overwrite_a_newer_verdict(play: Play) -> None:
    async def story(world: World) -> None:
        late = await granted(world)
        await world.pass_time(LEASE + 1)
        newer = await granted(world)
        assert newer.token > late.token
        assert not await world.ledger.record(late, Report(REJECTED))
        assert (await the_delivery(world)).state is State.CLAIMED
        assert await world.ledger.record(newer, Report(Sent()))
        assert not await world.ledger.record(late, Report(REJECTED))
        assert await counts(world) == (1, 1, 0, 0)

    play(story)


def test_a_lease_that_runs_out_is_counted_as_uncertain(play: Play) -> None:
    async def story(world: World) -> None:
        await granted(world)
        await world.pass_time(LEASE + 1)
        assert len(await world.ledger.take_due(10)) == 1
        again = await granted(world)
        assert (again.attempt, again.crashes) == (2, 1)
        assert (await world.ledger.totals()).reasons == {"uncertain": 1}

    play(story)


def test_a_late_record_counts_while_nobody_has_claimed_the_event_again(play: Play) -> None:
    async def story(world: World) -> None:
        late = await granted(world)
        await world.pass_time(LEASE + 1)
        await world.ledger.take_due(10)
        assert await world.ledger.record(late, Report(Sent()))
        assert await world.ledger.claim(EVENT, receipt="r-1") is Refusal.REDELIVERED

    play(story)


def test_a_deferred_event_is_granted_again_when_it_is_due_and_not_before(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, TEMPORARY)
        delivery = await the_delivery(world)
        assert (delivery.state, delivery.reason) == (State.DEFERRED, "temporary")
        assert delivery.due_at == delivery.changed_at + timedelta(seconds=60)
        assert await world.ledger.claim(EVENT, receipt="r-1") is Refusal.REDELIVERED
        assert await world.ledger.take_due(10) == []
        await world.pass_time(61)
        assert (await granted(world)).attempt == 2

    play(story)


def test_an_attempt_that_is_not_the_events_fault_is_given_back(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        tried = Attempt(1, claim.accepted_at, 0.5, "relay_unavailable", "mx:25", "greeting", 554)
        away = Deferred(DeferReason.RELAY_UNAVAILABLE, 0.0, burns=False)
        await world.ledger.record(claim, Report(away, attempt=tried))
        assert (await granted(world)).attempt == 1
        assert (await the_delivery(world)).history == (tried,)

    play(story)


def test_a_long_history_keeps_its_first_and_its_last_attempts(play: Play) -> None:
    async def story(world: World) -> None:
        for number in range(1, 41):
            claim = await granted(world)
            tried = Attempt(number, claim.accepted_at, 0.0, "temporary", "mx:25", "rcpt", 450)
            await world.ledger.record(
                claim, Report(Deferred(DeferReason.TEMPORARY, 0.0), attempt=tried)
            )
        history = (await the_delivery(world)).history
        assert [tried.number for tried in history] == [1, *range(12, 41)]

    play(story)


def test_what_is_due_goes_to_one_caller_only(play: Play) -> None:
    async def story(world: World) -> None:
        for number in range(5):
            await ended(world, Deferred(DeferReason.TEMPORARY, 0.0), event_id=f"e-{number}")
        first, second = await world.ledger.take_due(3), await world.ledger.take_due(3)
        taken = [parcel.event["id"] for parcel in [*first, *second]]
        assert sorted(taken) == [f"e-{number}" for number in range(5)]
        assert {parcel.receipt for parcel in first} == {"r-1"}
        assert (await the_delivery(world, "e-0")).state is State.QUEUED

    play(story)


def test_a_parcel_that_is_not_published_is_due_again_within_seconds(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Deferred(DeferReason.TEMPORARY, 0.0))
        first = await world.ledger.take_due(10)
        await world.pass_time(PUBLISHING - 2)
        assert await world.ledger.take_due(10) == []
        await world.pass_time(3)
        assert await world.ledger.take_due(10) == first

    play(story)


def test_a_published_parcel_that_nobody_claims_is_due_again_after_the_horizon(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Deferred(DeferReason.TEMPORARY, 0.0))
        first = await world.ledger.take_due(10)
        await world.ledger.queued(first)
        await world.pass_time(HORIZON - 10)
        assert await world.ledger.take_due(10) == []
        await world.pass_time(20)
        assert await world.ledger.take_due(10) == first

    play(story)


def test_a_publication_noted_late_changes_nothing_for_whoever_claimed_since(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Deferred(DeferReason.TEMPORARY, 0.0))
        parcels = await world.ledger.take_due(10)
        claim = await granted(world)
        before = await the_delivery(world)
        await world.ledger.queued(parcels)
        assert await the_delivery(world) == before
        await world.ledger.record(claim, Report(Deferred(DeferReason.TEMPORARY, 0.0)))
        again = await world.ledger.take_due(10)
        await world.ledger.queued(parcels)
        await world.pass_time(PUBLISHING + 1)
        assert await world.ledger.take_due(10) == again

    play(story)


def test_copies_that_the_queue_brings_again_in_turn_are_counted_once_each(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        for receipt in ("r-2", "r-3", "r-4") * 3:
            await world.ledger.claim(EVENT, receipt=receipt)
        assert (await the_delivery(world)).duplicates == 3
        await world.ledger.record(claim, Report(Sent()))
        for receipt in ("r-2", "r-3", "r-4", "r-5") * 3:
            await world.ledger.claim(EVENT, receipt=receipt)
        assert (await the_delivery(world)).duplicates == 3 + 4  # each once more at the most

    play(story)


def test_of_more_copies_than_a_ledger_remembers_the_totals_still_hold(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Sent())
        for receipt in [f"r-{number}" for number in range(2, 12)] * 2:
            await world.ledger.claim(EVENT, receipt=receipt)
        assert (await the_delivery(world)).duplicates == 20
        assert await counts(world) == (21, 1, 20, 0)

    play(story)


def test_a_released_claim_is_due_at_once_and_spends_no_attempt(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        await world.ledger.release(claim)
        assert not await world.ledger.record(claim, Report(Sent()))
        assert len(await world.ledger.take_due(10)) == 1
        again = await granted(world)
        assert (again.attempt, again.crashes) == (1, 0)

    play(story)


def test_a_release_after_the_record_changes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        for event_id, outcome in (("a", Sent()), ("b", TEMPORARY), ("c", REJECTED)):
            claim = await ended(world, outcome, event_id=event_id)
            before = await the_delivery(world, event_id)
            await world.ledger.release(claim)
            assert await the_delivery(world, event_id) == before

    play(story)


def test_a_dead_letter_is_kept_with_its_event_and_can_be_revived(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, REJECTED)
        letter = await the_delivery(world)
        assert (letter.state, letter.reason) == (State.DEAD, "rejected_recipient")
        assert letter.detail == "550 no such mailbox"
        assert letter.event == EVENT.to_wire()
        assert await counts(world) == (1, 0, 0, 1)
        assert await world.ledger.revive("acme", UUID)
        assert not await world.ledger.revive("acme", UUID)
        assert await counts(world) == (1, 0, 0, 0)
        assert len(await world.ledger.take_due(10)) == 1
        assert (await granted(world)).attempt == 2

    play(story)


def test_a_revived_letter_starts_without_the_crashes_that_killed_it(play: Play) -> None:
    async def story(world: World) -> None:
        await granted(world)
        await world.pass_time(LEASE + 1)
        await ended(world, Dead(DeadReason.ATTEMPTS))
        await world.ledger.revive("acme", UUID)
        assert (await granted(world)).crashes == 0
        assert (await the_delivery(world)).uncertain == 1

    play(story)


def test_a_claim_tells_since_when_a_letter_is_revived_until_it_is_dead_again(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Dead(DeadReason.EXPIRED))
        died_at = (await the_delivery(world)).changed_at
        await world.ledger.revive("acme", UUID)
        unworked = await granted(world)
        assert unworked.revived_at
        assert unworked.revived_at >= died_at
        await world.ledger.release(unworked)
        assert (await granted(world)).revived_at == unworked.revived_at
        await world.pass_time(LEASE + 1)
        again = await granted(world)
        assert again.revived_at == unworked.revived_at
        await world.ledger.record(again, Report(Deferred(DeferReason.TEMPORARY, 0.0)))
        last = await granted(world)
        assert last.revived_at == unworked.revived_at
        await world.ledger.record(last, Report(REJECTED))
        await world.ledger.revive("acme", UUID)
        anew = await granted(world)
        assert anew.revived_at
        assert anew.revived_at > unworked.revived_at

    play(story)


def test_a_new_event_is_not_revived(play: Play) -> None:
    async def story(world: World) -> None:
        assert (await granted(world)).revived_at is None

    play(story)


def test_a_dropped_letter_loses_its_event_and_stays_dead(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, REJECTED)
        assert await world.ledger.drop("acme", UUID)
        assert not await world.ledger.drop("acme", UUID)
        assert not await world.ledger.revive("acme", UUID)
        delivery = await the_delivery(world)
        assert (delivery.state, delivery.event) == (State.DEAD, None)
        assert delivery.detail == "550 no such mailbox"
        assert await counts(world) == (1, 0, 0, 1)
        assert await world.ledger.claim(EVENT, receipt="r-1") is Refusal.REDELIVERED

    play(story)


def test_a_malformed_event_becomes_one_letter_however_often_it_is_brought(play: Play) -> None:
    async def story(world: World) -> None:
        for _ in range(2):
            await reject(world)
        letter = await the_delivery(world)
        assert (letter.state, letter.reason) == (State.DEAD, "malformed")
        assert (letter.detail, letter.event) == ("no user", {"id": UUID})
        assert await counts(world) == (1, 0, 0, 1)

    play(story)


def test_a_malformed_event_without_names_is_found_by_its_receipt(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.reject({}, org_id="", event_id="", receipt="bad-1", detail="no JSON")
        [letter] = await world.ledger.find("bad-1")
        assert (letter.org_id, letter.event_id) == ("", "bad-1")
        totals = await world.ledger.totals()
        assert (totals.accepted, totals.dead) == (1, 1)

    play(story)


@pytest.mark.parametrize("outcome", [None, Sent(), REJECTED])
def test_a_malformed_twin_never_touches_a_valid_delivery(
    play: Play, outcome: Outcome | None
) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        if outcome is not None:
            await world.ledger.record(claim, Report(outcome))
        before = await the_delivery(world)
        for _ in range(2):
            await reject(world, receipt="bad-1")
        assert await the_delivery(world) == before
        assert (await the_delivery(world, "bad-1")).reason == "malformed"
        assert (await world.ledger.totals()).accepted == 2

    play(story)


def test_a_corrected_event_may_use_its_id_again(play: Play) -> None:
    async def story(world: World) -> None:
        await reject(world, receipt="bad-1")
        claim = await granted(world, receipt="r-2")
        assert claim.attempt == 1
        assert (await the_delivery(world)).event == EVENT.to_wire()
        assert await counts(world) == (2, 0, 0, 1)
        await reject(world, receipt="bad-1")
        assert await counts(world) == (2, 0, 0, 1)
        assert (await the_delivery(world, "bad-1")).reason == "malformed"
        assert await world.ledger.record(claim, Report(Sent()))

    play(story)


def test_an_id_whose_letter_was_dropped_is_free_for_a_corrected_event(play: Play) -> None:
    async def story(world: World) -> None:
        await reject(world)
        await world.ledger.drop("acme", UUID)
        await ended(world, Sent(), receipt="r-2")
        assert await counts(world) == (2, 1, 0, 1)
        everything = await world.ledger.deliveries(DeliveryFilter())
        assert [delivery.state for delivery in everything] == [State.SENT]

    play(story)


def test_a_revived_letter_that_is_still_malformed_dies_again(play: Play) -> None:
    async def story(world: World) -> None:
        await reject(world)
        assert await world.ledger.revive("acme", UUID)
        [parcel] = await world.ledger.take_due(10)
        assert parcel.receipt == "bad-1"
        await reject(world)
        assert await counts(world) == (1, 0, 0, 1)
        await world.pass_time(HORIZON + 1)
        assert await world.ledger.take_due(10) == []

    play(story)


def test_a_revived_letter_that_is_understood_by_now_becomes_its_event(play: Play) -> None:
    async def story(world: World) -> None:
        await reject(world, event_id="")
        await world.ledger.revive("acme", "bad-1")
        await world.ledger.take_due(10)
        claim = await granted(world, receipt="bad-1")
        assert await counts(world) == (1, 0, 0, 0)
        assert await world.ledger.record(claim, Report(Sent()))
        assert await world.ledger.find("bad-1") == []
        assert await counts(world) == (1, 1, 0, 0)

    play(story)


@pytest.mark.parametrize("outcome", [None, Sent()])
def test_a_revived_letter_whose_event_is_known_ends_as_a_duplicate(
    play: Play, outcome: Outcome | None
) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        if outcome is not None:
            await world.ledger.record(claim, Report(outcome))
        await reject(world, receipt="bad-1")
        await world.ledger.revive("acme", "bad-1")
        await world.ledger.take_due(10)
        assert await world.ledger.claim(EVENT, receipt="bad-1") is Refusal.DUPLICATE
        totals = await world.ledger.totals()
        assert (totals.accepted, totals.skipped, totals.dead) == (2, 1, 0)
        await world.pass_time(HORIZON + LEASE + 1)
        due = await world.ledger.take_due(10)
        assert [parcel.receipt for parcel in due] == ([] if outcome else ["r-1"])

    play(story)


def test_a_letter_that_ended_as_a_duplicate_is_finished_and_does_not_free_its_id(
    play: Play,
) -> None:
    async def story(world: World) -> None:
        await reject(world, event_id="other", receipt="bad-1")
        await world.ledger.revive("acme", "other")
        await granted(world)
        assert await world.ledger.claim(EVENT, receipt="bad-1") is Refusal.DUPLICATE
        again = await world.ledger.claim(an_event("other"), receipt="bad-1")
        assert again is Refusal.REDELIVERED
        assert await counts(world) == (2, 0, 1, 0)

    play(story)


def test_the_log_lists_the_newest_first_and_only_what_is_wanted(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, Sent(), event_id="a")
        await ended(world, Skipped(SkipReason.POLICY_OFF), event_id="b")
        await ended(world, REJECTED, event_id="c")
        await ended(world, TEMPORARY, event_id="d")
        other = await world.ledger.claim(an_event("a", org="globex"), receipt="r-9")
        assert isinstance(other, Claim)

        async def listed(**wanted: object) -> list[str]:
            found = await world.ledger.deliveries(DeliveryFilter(**wanted))  # type: ignore[arg-type] # by field
            assert [each.changed_at for each in found] == sorted(
                (each.changed_at for each in found), reverse=True
            )
            return sorted(f"{each.org_id}/{each.event_id}" for each in found)

        assert await listed() == ["acme/a", "acme/b", "acme/c", "acme/d", "globex/a"]
        assert await listed(org_id="acme") == ["acme/a", "acme/b", "acme/c", "acme/d"]
        assert await listed(state=State.SENT) == ["acme/a"]
        assert await listed(state=State.DEAD) == ["acme/c"]
        assert await listed(state=State.DEFERRED) == ["acme/d"]
        assert await listed(state=State.CLAIMED) == ["globex/a"]
        assert await listed(reason="policy_off") == ["acme/b"]
        newest = (await the_delivery(world, "d")).changed_at
        assert await listed(since=newest + timedelta(hours=1)) == []
        assert len(await world.ledger.deliveries(DeliveryFilter(), limit=2)) == 2

    play(story)


def test_the_log_names_the_organizations_that_had_events(play: Play) -> None:
    async def story(world: World) -> None:
        assert [org async for org in world.ledger.organizations()] == []
        for org in ("acme", UUID):
            await world.ledger.claim(an_event(org=org), receipt="r-1")
        assert {org async for org in world.ledger.organizations()} == {"acme", UUID}

    play(story)


def test_texts_of_any_kind_survive(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.reject(
            {"id": "x", "user": "José \ud800 \t\n🦆"},
            org_id="acme",
            event_id="",
            receipt="odd\treceipt\n🦆",
            detail="line\tone two é",
        )
        [letter] = await world.ledger.deliveries(DeliveryFilter())
        assert letter.receipt == "odd\treceipt\n🦆"
        assert letter.detail.split() == ["line", "one", "two", "é"]
        assert letter.event == {"id": "x", "user": "José \ud800 \t\n🦆"}
        assert await world.ledger.drop("acme", letter.event_id)
        [dropped] = await world.ledger.find(letter.event_id, org_id="acme")
        assert dropped.receipt == letter.receipt

    play(story)


MAIL = Message("<m@x>", "from@x", "\u00fc@x", b"Subject: s\r\n\r\nbody\n\x00\xff", smtputf8=True)


def test_a_dead_letter_keeps_its_message_and_can_be_sent_as_it_was(play: Play) -> None:
    async def story(world: World) -> None:
        claim = await granted(world)
        assert await world.ledger.record(claim, Report(REJECTED, message=MAIL))
        assert (await the_delivery(world)).keeps_message
        assert await world.ledger.message("acme", UUID) == MAIL
        assert await world.ledger.revive("acme", UUID, as_it_was=True)
        assert (await granted(world)).message == MAIL

    play(story)


def test_a_letter_sent_as_it_was_stays_so_through_its_retries_and_until_it_dies(play: Play) -> None:
    async def story(world: World) -> None:
        await world.ledger.record(await granted(world), Report(REJECTED, message=MAIL))
        await world.ledger.revive("acme", UUID, as_it_was=True)
        for _ in range(2):
            claim = await granted(world)
            assert claim.message == MAIL
            await world.ledger.record(claim, Report(Deferred(DeferReason.TEMPORARY, 0.0)))
        await world.ledger.record(await granted(world), Report(REJECTED, message=MAIL))
        assert await world.ledger.revive("acme", UUID)
        assert (await granted(world)).message is None

    play(story)


def test_a_letter_without_its_message_cannot_be_sent_as_it_was(play: Play) -> None:
    async def story(world: World) -> None:
        await ended(world, REJECTED)
        assert await world.ledger.message("acme", UUID) is None
        assert not await world.ledger.revive("acme", UUID, as_it_was=True)
        assert (await the_delivery(world)).state is State.DEAD

    play(story)


@pytest.mark.parametrize("way", ["drop", "send"])
def test_a_letters_message_is_erased_when_it_is_done(play: Play, way: str) -> None:
    async def story(world: World) -> None:
        await world.ledger.record(await granted(world), Report(REJECTED, message=MAIL))
        if way == "drop":
            await world.ledger.drop("acme", UUID)
        else:
            await world.ledger.revive("acme", UUID)
            await world.ledger.record(await granted(world), Report(Sent()))
        assert await world.ledger.message("acme", UUID) is None
        assert not (await the_delivery(world)).keeps_message

    play(story)


@pytest.mark.parametrize("at_once", [1, 2, 7, 500])
def test_letters_come_in_pages_of_about_as_many_as_are_wanted(at_once: int, play: Play) -> None:
    async def story(world: World) -> None:
        for number in range(20):
            org = "acme" if number % 3 else "globex"
            event = an_event(f"e-{number}", org=org)
            claim = await world.ledger.claim(event, receipt=f"r-{number}")
            assert isinstance(claim, Claim)
            await world.ledger.record(claim, Report(REJECTED))
        wanted = DeliveryFilter(org_id="acme")
        pages = [page async for page in world.ledger.letters(wanted, at_once=at_once)]
        seen = [letter.event_id for page in pages for letter in page]
        assert sorted(seen) == sorted(f"e-{number}" for number in range(20) if number % 3)
        assert max(map(len, pages)) < max(2 * at_once, 2)

    play(story)


def test_all_letters_are_paged_once_each_though_some_go_meanwhile(play: Play) -> None:
    async def story(world: World) -> None:
        ids = [f"e-{number}" for number in range(1_200)]
        for event_id in ids:
            await ended(world, REJECTED, event_id=event_id)
        seen = []
        async for page in world.ledger.letters(DeliveryFilter(org_id="acme")):
            seen += [letter.event_id for letter in page]
            for letter in page:
                assert await world.ledger.drop("acme", letter.event_id)
        assert sorted(seen) == sorted(ids)

    play(story)


SUBJECT, WINDOW = "someone", 60.0


async def folded(world: World, event_id: str, *, window: float = WINDOW) -> tuple[Claim, Fold]:
    claim = await granted(world, event_id=event_id)
    return claim, await world.ledger.fold(claim, SUBJECT, window)


async def storm(world: World, *event_ids: str) -> None:
    """Play what the walk does with each."""
    for event_id in event_ids:
        claim, fold = await folded(world, event_id)
        if fold.into:
            outcome: Outcome = Skipped(SkipReason.FOLDED, fold.into)
        elif fold.wait:
            outcome = Deferred(DeferReason.FOLDING, fold.wait, burns=False)
        else:
            outcome = Sent()
        assert await world.ledger.record(claim, Report(outcome))


def test_of_a_storm_the_first_goes_at_once_and_the_others_as_one(play: Play) -> None:
    async def story(world: World) -> None:
        await storm(world, "a", "b", "c", "d")
        assert (await the_delivery(world, "a")).state is State.SENT
        assert (await the_delivery(world, "b")).reason == "folding"
        for event_id in "cd":
            late = await the_delivery(world, event_id)
            assert (late.reason, late.detail) == ("folded", "b")
        assert await counts(world) == (4, 1, 2, 0)
        await world.pass_time(WINDOW + 1)
        claim, fold = await folded(world, "b")
        assert (claim.attempt, claim.changes) == (1, 3)
        assert fold == Fold(3)
        await world.ledger.record(claim, Report(Sent()))
        assert (await the_delivery(world, "b")).detail == "told of 3 changes"
        assert (await the_delivery(world, "a")).detail == ""
        assert await counts(world) == (4, 2, 2, 0)

    play(story)


def test_a_follow_up_opens_the_next_window(play: Play) -> None:
    async def story(world: World) -> None:
        await storm(world, "a", "b")
        await world.pass_time(WINDOW + 1)
        await storm(world, "b", "c", "d")
        assert (await the_delivery(world, "b")).state is State.SENT
        assert (await the_delivery(world, "c")).reason == "folding"
        assert (await the_delivery(world, "d")).detail == "c"

    play(story)


def test_after_the_window_a_change_goes_at_once_again(play: Play) -> None:
    async def story(world: World) -> None:
        await storm(world, "a")
        await world.pass_time(WINDOW + 1)
        await storm(world, "b")
        assert await counts(world) == (2, 2, 0, 0)

    play(story)


def test_asked_again_a_fold_has_the_same_answer_and_counts_nothing_twice(play: Play) -> None:
    async def story(world: World) -> None:
        await storm(world, "a", "b")
        claim, fold = await folded(world, "c")
        assert fold == await world.ledger.fold(claim, SUBJECT, WINDOW) == Fold(into="b")
        assert (await the_delivery(world, "b")).changes == 2
        first, alone = await granted(world, event_id="x"), Fold()
        assert await world.ledger.fold(first, "somebody else", WINDOW) == alone
        assert await world.ledger.fold(first, "somebody else", WINDOW) == alone

    play(story)


def test_a_retry_of_the_first_is_not_folded_into_its_own_follow_up(play: Play) -> None:
    async def story(world: World) -> None:
        claim, _ = await folded(world, "a")
        await world.ledger.record(claim, Report(Deferred(DeferReason.TEMPORARY, 0.0)))
        await storm(world, "b")
        assert (await folded(world, "a"))[1] == Fold()

    play(story)


@pytest.mark.parametrize("end", [REJECTED, Skipped(SkipReason.POLICY_OFF)])
def test_where_the_follow_up_is_gone_the_next_takes_its_place(play: Play, end: Outcome) -> None:
    async def story(world: World) -> None:
        await storm(world, "a")
        claim, fold = await folded(world, "b")
        assert fold.wait > 0
        await world.ledger.record(claim, Report(end))
        await storm(world, "c")
        assert (await the_delivery(world, "c")).reason == "folding"

    play(story)


def test_a_follow_up_goes_when_it_is_due_though_folding_was_switched_off(play: Play) -> None:
    async def story(world: World) -> None:
        await storm(world, "a", "b", "c")
        await world.pass_time(WINDOW + 1)
        assert (await folded(world, "b", window=0.0))[1] == Fold(2)
        assert (await folded(world, "d"))[1] == Fold()

    play(story)
