"""Reading and changing policies, in memory."""

import asyncio
from collections.abc import Awaitable

import pytest

from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.errors import (
    DispatcherError,
    InvalidPolicy,
    PermissionDenied,
    PolicyExists,
    PolicyNotFound,
    PolicyUnchanged,
)
from dispatcher.policies import Policies
from dispatcher.policy import INSTANCE, Effect, Manner, Policy, Written
from tests.builders import StandingClock


@pytest.fixture
def policies() -> Policies:
    return Policies(MemoryPolicyStore(StandingClock()))


ON, OFF = {"passwordChange": True}, {"passwordChange": False}


@pytest.fixture
def strict() -> Policies:
    return Policies(MemoryPolicyStore(StandingClock()), Manner.ZITADEL, "instance-1")


def refusal(call: Awaitable[object]) -> tuple[type[DispatcherError], str, str]:
    async def refused() -> tuple[type[DispatcherError], str, str]:
        with pytest.raises(DispatcherError) as caught:
            await call
        return type(caught.value), caught.value.id, str(caught.value)

    return asyncio.run(refused())


def test_an_update_creates_then_changes_then_leaves_alone(policies: Policies) -> None:
    async def effects() -> list[tuple[Effect, int]]:
        written = [await policies.update("acme", switches, by="me") for switches in (ON, OFF, OFF)]
        return [(one.effect, one.standing.sequence) for one in written]

    assert asyncio.run(effects()) == [
        (Effect.CREATED, 1),
        (Effect.CHANGED, 2),
        (Effect.UNCHANGED, 2),
    ]


def test_an_organization_has_its_own_policy_else_the_default(policies: Policies) -> None:
    async def owners() -> list[str]:
        await policies.update_default(ON, by="me")
        before = await policies.get("acme")
        await policies.update("acme", OFF, by="me")
        during = await policies.get("acme")
        await policies.reset("acme", by="me")
        after = await policies.get("acme")
        return [before.owner, during.owner, after.owner]

    assert asyncio.run(owners()) == [INSTANCE, "acme", INSTANCE]


def test_the_sequence_goes_on_after_a_reset(policies: Policies) -> None:
    async def sequences() -> list[int]:
        first = await policies.update("acme", ON, by="me")
        removed = await policies.reset("acme", by="me")
        second = await policies.add("acme", ON, by="me")
        return [each.standing.sequence for each in (first, removed, second)]

    assert asyncio.run(sequences()) == [1, 2, 3]


def test_what_is_not_there_cannot_be_read_or_reset(policies: Policies) -> None:
    for call in (policies.get("acme"), policies.reset("acme", by="me"), policies.get_default()):
        assert refusal(call)[0] is PolicyNotFound


def test_seeding_does_not_touch_a_default_that_is_there(policies: Policies) -> None:
    async def default_after_seeding() -> bool:
        await policies.seed_default(OFF)
        await policies.seed_default(ON)
        return (await policies.get_default()).permits("passwordChange")

    assert asyncio.run(default_after_seeding()) is False


def test_what_is_there_cannot_be_added(policies: Policies) -> None:
    async def add_twice() -> None:
        await policies.add("acme", ON, by="me")
        await policies.add_default(ON, by="me")

    asyncio.run(add_twice())
    assert refusal(policies.add("acme", ON, by="me"))[:2] == (PolicyExists, "Org-xa08n2")
    assert refusal(policies.add_default(ON, by="me"))[:2] == (PolicyExists, "INSTANCE-xpo1bj")


def test_in_zitadels_manner_an_update_changes_what_is_there_or_is_refused(strict: Policies) -> None:
    missing = (PolicyNotFound, "ORG-x029n3", "Notification Policy not found")
    assert refusal(strict.update("acme", ON, by="me")) == missing
    missing = (PolicyNotFound, "INSTANCE-x891na", "Default Notification Policy not found")
    assert refusal(strict.update_default(ON, by="me")) == missing

    async def add() -> None:
        await strict.add("acme", ON, by="me")
        await strict.add_default(ON, by="me")

    asyncio.run(add())
    unchanged = (PolicyUnchanged, "Org-ioqnxz", "Notification Policy not changed")
    assert refusal(strict.update("acme", ON, by="me")) == unchanged
    unchanged = (PolicyUnchanged, "INSTANCE-29x02n", "Default Notification Policy not changed")
    assert refusal(strict.update_default(ON, by="me")) == unchanged
    changed = asyncio.run(strict.update("acme", OFF, by="me"))
    assert (changed.effect, changed.standing.sequence) == (Effect.CHANGED, 2)


def test_only_in_zitadels_manner_do_details_tell_half(policies: Policies, strict: Policies) -> None:
    async def told(service: Policies) -> list[tuple[bool, bool, str]]:
        answers: list[Policy | Written] = [
            await service.add("acme", ON, by="me"),
            await service.update("acme", OFF, by="me"),
            await service.get("acme"),
            await service.reset("acme", by="me"),
            await service.add_default(ON, by="me"),
        ]
        details = map(service.details, answers)
        return [
            (bool(each.created_at), bool(each.changed_at), each.resource_owner) for each in details
        ]

    own = "acme"
    assert asyncio.run(told(policies)) == [(True, True, own)] * 4 + [(True, True, "instance")]
    assert asyncio.run(told(strict)) == [
        (True, False, own),
        (False, True, own),
        (True, True, own),
        (False, True, own),
        (True, False, "instance-1"),
    ]


@pytest.mark.parametrize("org_id", [INSTANCE, "a b", "a:b", "a" * 65, "é", "acme\n"])
def test_what_no_organization_is_called_is_refused(policies: Policies, org_id: str) -> None:
    for call in (
        policies.get(org_id),
        policies.add(org_id, ON, by="me"),
        policies.update(org_id, ON, by="me"),
        policies.reset(org_id, by="me"),
        policies.history(org_id),
    ):
        assert refusal(call)[:2] == (PermissionDenied, "AUTH-Bs7Ds")


def test_a_change_without_an_organization_is_refused(policies: Policies) -> None:
    calls = {
        "Org-x801sk2i": policies.add("", ON, by="me"),
        "Org-x091n1g": policies.update("", ON, by="me"),
        "Org-x89ns2": policies.reset("", by="me"),
    }
    for id_, call in calls.items():
        assert refusal(call) == (
            *(InvalidPolicy, id_),
            "no organization is named: over HTTP and gRPC, x-zitadel-orgid does",
        )


def test_the_history_tells_who_changed_what_from_what_to_what(policies: Policies) -> None:
    async def history() -> list[tuple[object, ...]]:
        await policies.update("acme", ON, by="task")
        await policies.update("acme", ON, by="task again")
        await policies.update("acme", OFF, by="cli:ada")
        await policies.reset("acme", by="token:t1")
        changes = await policies.history("acme")
        return [(c.sequence, c.by, c.effect, c.before, c.after) for c in changes]

    assert asyncio.run(history()) == [
        (3, "token:t1", Effect.REMOVED, OFF, None),
        (2, "cli:ada", Effect.CHANGED, ON, OFF),
        (1, "task", Effect.CREATED, None, ON),
    ]
    assert asyncio.run(policies.default_history()) == []
