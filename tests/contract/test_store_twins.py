"""Memory and Valkey agree on every answer, whatever happens in whatever order."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dispatcher.adapters.store import (
    MemoryLedger,
    MemoryPolicyStore,
    ValkeyLedger,
    ValkeyPolicyStore,
    connect,
)
from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Delivery,
    DeliveryFilter,
    Report,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.policy import INSTANCE, Policy, Presence, Written
from dispatcher.ports import Claim, Parcel
from tests.builders import NOON, StandingClock, an_event
from tests.contract.worlds import HORIZON, LEASE, let_pass

ORGS = st.sampled_from(["acme", "globex"])
IDS = st.sampled_from(["e-1", "e-2", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"])
RECEIPTS = st.sampled_from(["r-1", "r-2", "e-1"])
OUTCOMES = st.sampled_from(
    [
        Sent(),
        Skipped(SkipReason.POLICY_OFF),
        Skipped(SkipReason.SUPPRESSED, "the operator said so"),
        Deferred(DeferReason.TEMPORARY, 0.0),
        Deferred(DeferReason.RELAY_UNAVAILABLE, 107.0, burns=False),
        Dead(DeadReason.EXPIRED, "too late"),
        Dead(DeadReason.MALFORMED, "no such type"),
    ]
)
STEPS = st.sampled_from([19.0, 151.0, 701.0])
"""Seconds: no sum of them comes near a lease, a due time or the horizon."""


class Twins(RuleBasedStateMachine):
    """Does the same to both and compares; times are the stores' own and are left out."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock()
        self.loop = asyncio.Runner()
        self.client = connect(self.url)
        self.wait(self.client.flushall())
        self.memory = MemoryLedger(self.clock, lease=LEASE, requeue_horizon=HORIZON)
        self.valkey = ValkeyLedger(self.client, lease=LEASE, requeue_horizon=HORIZON)
        self.policies = MemoryPolicyStore(self.clock), ValkeyPolicyStore(self.client)
        self.claims: list[tuple[Claim, Claim]] = []
        self.taken: list[tuple[Sequence[Parcel], Sequence[Parcel]]] = []

    def teardown(self) -> None:
        self.wait(self.valkey.close())
        self.wait(self.client.aclose())
        self.loop.close()

    def wait(self, answer: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await answer

        return self.loop.run(awaited())

    @rule(org=ORGS, event_id=IDS, receipt=RECEIPTS)
    def claim(self, org: str, event_id: str, receipt: str) -> None:
        event = an_event(event_id, org=org)
        ours = self.wait(self.memory.claim(event, receipt=receipt))
        theirs = self.wait(self.valkey.claim(event, receipt=receipt))
        assert _timeless(ours) == _timeless(theirs)
        if isinstance(ours, Claim):
            self.claims.append((ours, theirs))

    @rule(pick=st.integers(0, 20), outcome=OUTCOMES)
    def record(self, pick: int, outcome: Any) -> None:
        if self.claims:
            ours, theirs = self.claims[-1 - pick % len(self.claims)]
            report = Report(outcome, "password_change")
            recorded = self.wait(self.memory.record(ours, report))
            assert recorded == self.wait(self.valkey.record(theirs, report))

    @rule(pick=st.integers(0, 20), window=st.sampled_from([0.0, 31.0]))
    def fold(self, pick: int, window: float) -> None:
        if self.claims:
            ours, theirs = self.claims[-1 - pick % len(self.claims)]
            told = [
                self.wait(self.memory.fold(ours, ours.org_id, window)),
                self.wait(self.valkey.fold(theirs, ours.org_id, window)),
            ]
            assert replace(told[0], wait=0.0) == replace(told[1], wait=0.0)
            assert bool(told[0].wait) == bool(told[1].wait)

    @rule(pick=st.integers(0, 20))
    def release(self, pick: int) -> None:
        if self.claims:
            ours, theirs = self.claims[-1 - pick % len(self.claims)]
            self.wait(self.memory.release(ours))
            self.wait(self.valkey.release(theirs))

    @rule(org=st.sampled_from(["acme", ""]), event_id=IDS | st.just(""), receipt=RECEIPTS)
    def reject(self, org: str, event_id: str, receipt: str) -> None:
        for ledger in (self.memory, self.valkey):
            self.wait(
                ledger.reject({}, org_id=org, event_id=event_id, receipt=receipt, detail="bad")
            )

    @rule()
    def take_due(self) -> None:
        taken = [self.wait(ledger.take_due(100)) for ledger in (self.memory, self.valkey)]
        ours, theirs = (sorted((each.receipt, str(each.event)) for each in some) for some in taken)
        assert ours == theirs
        self.taken.append((taken[0], taken[1]))

    @rule(pick=st.integers(0, 20))
    def note_as_queued(self, pick: int) -> None:
        if self.taken:
            ours, theirs = self.taken[-1 - pick % len(self.taken)]
            self.wait(self.memory.queued(ours))
            self.wait(self.valkey.queued(theirs))

    @rule(org=ORGS, event_id=IDS | RECEIPTS)
    def revive(self, org: str, event_id: str) -> None:
        revived = [self.wait(each.revive(org, event_id)) for each in (self.memory, self.valkey)]
        assert revived[0] == revived[1]

    @rule(org=ORGS, event_id=IDS | RECEIPTS)
    def drop(self, org: str, event_id: str) -> None:
        dropped = [self.wait(each.drop(org, event_id)) for each in (self.memory, self.valkey)]
        assert dropped[0] == dropped[1]

    @rule(seconds=STEPS)
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wait(let_pass(self.client, seconds))

    @rule(
        owner=ORGS | st.just(INSTANCE),
        switches=st.dictionaries(st.sampled_from(["a", "b"]), st.booleans()),
        presence=st.sampled_from(Presence),
    )
    def put(self, owner: str, switches: dict[str, bool], presence: Presence) -> None:
        ours, theirs = (
            self.wait(store.put(owner, switches, presence=presence)) for store in self.policies
        )
        assert _timeless(ours) == _timeless(theirs)

    @rule(owner=ORGS | st.just(INSTANCE))
    def remove(self, owner: str) -> None:
        ours, theirs = (self.wait(store.remove(owner)) for store in self.policies)
        assert _timeless(ours) == _timeless(theirs)

    @invariant()
    def all_answers_agree(self) -> None:
        for org in ("", "acme", "globex"):
            ours, theirs = (
                self.wait(ledger.totals(org_id=org)) for ledger in (self.memory, self.valkey)
            )
            assert ours == theirs
        stories = [self._stories(ledger) for ledger in (self.memory, self.valkey)]
        assert stories[0] == stories[1]
        for org in ("acme", "globex"):
            effective = [self.wait(store.effective(org)) for store in self.policies]
            assert _timeless(effective[0]) == _timeless(effective[1])

    @invariant()
    def every_event_is_accounted_for(self) -> None:
        totals = self.wait(self.valkey.totals())
        still_open = self.wait(self.client.zcard("nd:due"))
        assert totals.accepted == totals.sent + totals.skipped + totals.dead + still_open
        assert min(totals.accepted, totals.sent, totals.skipped, totals.dead) >= 0

    def _stories(self, ledger: MemoryLedger | ValkeyLedger) -> list[Any]:
        listed = self.wait(ledger.deliveries(DeliveryFilter()))
        found = [
            delivery
            for event_id in sorted({delivery.event_id for delivery in listed})
            for delivery in self.wait(ledger.find(event_id))
        ]
        assert sorted(map(str, listed)) == sorted(map(str, found))
        return [_timeless(delivery) for delivery in found]


def _timeless(answer: Any) -> Any:
    if isinstance(answer, Claim):
        revived_at = NOON if answer.revived_at else None
        return replace(answer, accepted_at=NOON, revived_at=revived_at)
    if isinstance(answer, Delivery):
        due_at = NOON if answer.due_at else None
        return replace(answer, accepted_at=NOON, changed_at=NOON, due_at=due_at)
    if isinstance(answer, Policy):
        return replace(answer, created_at=NOON, changed_at=NOON)
    if isinstance(answer, Written):
        return replace(answer, policy=_timeless(answer.policy))
    return answer


def test_memory_and_valkey_agree(valkey_url: str) -> None:
    Twins.url = valkey_url
    run_state_machine_as_test(Twins, settings=settings(max_examples=40, stateful_step_count=40))


@pytest.mark.soak
def test_memory_and_valkey_agree_for_long(valkey_url: str) -> None:
    Twins.url = valkey_url
    run_state_machine_as_test(Twins, settings=settings(max_examples=2000, stateful_step_count=80))
