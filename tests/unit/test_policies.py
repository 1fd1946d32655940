"""Reading and changing policies, in memory."""

import asyncio

import pytest

from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.errors import PolicyNotFound
from dispatcher.policies import Policies
from dispatcher.policy import INSTANCE, Effect
from tests.builders import StandingClock


@pytest.fixture
def policies() -> Policies:
    return Policies(MemoryPolicyStore(StandingClock()))


ON, OFF = {"passwordChange": True}, {"passwordChange": False}


def test_an_update_creates_then_changes_then_leaves_alone(policies: Policies) -> None:
    async def effects() -> list[tuple[Effect, int]]:
        written = [await policies.update("acme", switches) for switches in (ON, OFF, OFF)]
        return [(one.effect, one.standing.sequence) for one in written]

    assert asyncio.run(effects()) == [
        (Effect.CREATED, 1),
        (Effect.CHANGED, 2),
        (Effect.UNCHANGED, 2),
    ]


def test_an_organization_has_its_own_policy_else_the_default(policies: Policies) -> None:
    async def owners() -> list[str]:
        await policies.update(INSTANCE, ON)
        before = await policies.effective("acme")
        await policies.update("acme", OFF)
        during = await policies.effective("acme")
        await policies.reset("acme")
        after = await policies.effective("acme")
        return [before.owner, during.owner, after.owner]

    assert asyncio.run(owners()) == [INSTANCE, "acme", INSTANCE]


def test_the_sequence_goes_on_after_a_reset(policies: Policies) -> None:
    async def sequences() -> list[int]:
        first = await policies.update("acme", ON)
        removed = await policies.reset("acme")
        second = await policies.update("acme", ON)
        return [first.standing.sequence, removed.sequence, second.standing.sequence]

    assert asyncio.run(sequences()) == [1, 2, 3]


def test_what_is_not_there_cannot_be_read_or_reset(policies: Policies) -> None:
    for call in (policies.effective("acme"), policies.reset("acme"), policies.default()):
        with pytest.raises(PolicyNotFound):
            asyncio.run(call)


def test_seeding_does_not_touch_a_default_that_is_there(policies: Policies) -> None:
    async def default_after_seeding() -> bool:
        await policies.seed_default(OFF)
        await policies.seed_default(ON)
        return (await policies.default()).permits("passwordChange")

    assert asyncio.run(default_after_seeding()) is False
