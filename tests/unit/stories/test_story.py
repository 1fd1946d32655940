"""A delivery's story in plain words."""

from datetime import timedelta
from typing import Any

import pytest

from dispatcher.delivery import (
    Attempt,
    DeadReason,
    DeferReason,
    Delivery,
    Phase,
    Ruling,
    SkipReason,
    State,
)
from dispatcher.stories.story import Story, because, tell
from tests.builders import NOON

NOW = NOON + timedelta(minutes=5)


def story(state: State = State.SENT, reason: str = "", **fields: Any) -> Story:
    wanted: dict[str, Any] = {
        "accepted_at": NOON,
        "changed_at": NOON + timedelta(seconds=1),
        "receipt": "m-1",
        "event": {"id": "evt-1"},
    } | fields
    return tell(Delivery("acme", "evt-1", state, reason, **wanted), now=NOW)


def attempt(number: int = 1, result: str = "temporary", **fields: Any) -> Attempt:
    return Attempt(number, NOON, 0.012, result, **{"relay": "mail.acme.example:587"} | fields)


def said(told: Story) -> str:
    return "\n".join(step.text for step in told.steps)


def test_a_sent_event_tells_who_brought_it_who_decided_and_what_the_relay_said() -> None:
    told = story(
        trigger="password_change",
        ruling=Ruling("acme", 4),
        recipient="c0ffee",
        history=(attempt(result="sent", code=250, phase=Phase.FINAL),),
    )
    assert told.verdict == "Event evt-1 of acme was sent."
    assert [step.text for step in told.steps] == [
        "accepted, brought by message m-1",
        "acme's own policy, at its change 4, decided: people are told",
        "kind of mail: password_change, to the address with fingerprint c0ffee",
        "attempt 1: the relay mail.acme.example:587 took the message (250, after 12 ms)",
        "sent",
    ]
    assert not told.advice


def test_a_skipped_event_names_the_policy_that_was_off_and_how_to_switch_it_on() -> None:
    told = story(State.SKIPPED, SkipReason.POLICY_OFF, ruling=Ruling("*", 2))
    assert "the default policy, at its change 2, decided: people are not told" in said(told)
    assert "`dispatcher policy set acme on`" in told.advice


def test_without_any_policy_the_story_says_so() -> None:
    told = story(State.SKIPPED, SkipReason.POLICY_UNSET)
    assert "no policy of its own and no default policy" in said(told)
    assert "dispatcher policy default set on" in told.advice


def test_a_deferred_event_tells_when_it_is_tried_again() -> None:
    due = NOW + timedelta(minutes=2)
    refused = attempt(code=451, enhanced="4.7.1", phase=Phase.RCPT)
    told = story(State.DEFERRED, DeferReason.TEMPORARY, due_at=due, history=(refused,))
    assert (
        told.verdict == "Event evt-1 of acme waits, next attempt in 2 min: the relay said not now."
    )
    assert "did not take the recipient (451 4.7.1, after 12 ms): the relay said not now" in said(
        told
    )
    assert "next attempt due 2026-11-24 12:07:00 UTC, in 2 min" in said(told)


def test_a_relay_that_said_nothing_is_told_as_no_reply() -> None:
    told = story(history=(attempt(result="uncertain", phase=Phase.FINAL),), uncertain=1)
    assert "did not confirm the message (no reply, after 12 ms)" in said(told)
    assert "once it stayed unknown whether the relay had it" in said(told)


def test_an_attempt_that_met_no_relay_says_so() -> None:
    told = story(history=(attempt(result="internal_error", relay=""),))
    assert "attempt 1: failed before it reached a relay" in said(told)


def test_attempts_that_are_no_longer_kept_are_counted() -> None:
    told = story(history=(attempt(1), attempt(9)))
    assert "7 attempts between these are no longer kept in detail" in said(told)


@pytest.mark.parametrize(
    "history", [(attempt(2),), (attempt(1), attempt(3)), (attempt(1), attempt(2))]
)
def test_an_attempt_that_its_worker_died_in_is_not_taken_for_a_missing_one(
    history: tuple[Attempt, ...],
) -> None:
    told = story(history=history, uncertain=1)
    assert "no longer kept" not in said(told)


def test_an_attempt_that_did_not_count_is_not_taken_for_a_missing_one() -> None:
    told = story(history=(attempt(1), attempt(1), attempt(2)))
    assert "no longer kept" not in said(told)


@pytest.mark.parametrize(("count", "words"), [(1, "one more copy"), (3, "3 copies")])
def test_copies_of_an_event_are_counted(count: int, words: str) -> None:
    assert f"{words} of the event came" in said(story(duplicates=count))


def test_a_dead_letter_tells_the_detail_and_how_to_send_it_again() -> None:
    told = story(State.DEAD, DeadReason.RENDER_ERROR, detail="no such template")
    assert "dead (render_error), kept for a person: no such template" in said(told)
    assert "`dispatcher dead resend evt-1 --org acme`" in told.advice


def test_a_dropped_dead_letter_offers_no_resend() -> None:
    told = story(State.DEAD, DeadReason.RENDER_ERROR, event=None)
    assert "content dropped" in said(told)
    assert not told.advice


@pytest.mark.parametrize(
    ("state", "words"), [(State.QUEUED, "is on the queue"), (State.CLAIMED, "in a worker's hands")]
)
def test_an_event_on_its_way_says_where_it_is(state: State, words: str) -> None:
    assert words in story(state).verdict


@pytest.mark.parametrize("reason", [*SkipReason, *DeferReason, *DeadReason])
def test_every_reason_has_words(reason: str) -> None:
    assert because(reason) != reason


@pytest.mark.parametrize("reason", [*DeferReason, *DeadReason])
def test_every_trouble_has_advice(reason: str) -> None:
    state = State.DEAD if reason in set(DeadReason) else State.DEFERRED
    assert story(state, reason).advice


def test_an_event_that_names_no_organization_is_told_without_one() -> None:
    told = tell(Delivery("", "m-1", State.DEAD, "malformed", NOON, NOON, event={}), now=NOW)
    assert told.verdict.startswith("Event m-1 was given up")
