"""What every policy store promises: atomic writes, and a sequence that counts changes."""

import asyncio
from collections.abc import Awaitable, Callable

from dispatcher.policy import INSTANCE, Effect, Policy, Presence
from tests.contract.worlds import World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

ON, OFF = {"passwordChange": True}, {"passwordChange": False}


def test_what_is_not_set_is_not_there(play: Play) -> None:
    async def story(world: World) -> None:
        assert await world.policies.load("acme") is None
        assert await world.policies.effective("acme") is None
        assert await world.policies.remove("acme") is None

    play(story)


def test_a_new_policy_begins_with_sequence_one(play: Play) -> None:
    async def story(world: World) -> None:
        written = await world.policies.put("acme", ON)
        assert written.effect is Effect.CREATED
        policy = written.policy
        assert policy is not None
        assert (policy.owner, policy.switches, policy.sequence) == ("acme", ON, 1)
        assert policy.created_at == policy.changed_at
        assert await world.policies.load("acme") == policy

    play(story)


def test_a_change_raises_the_sequence_and_keeps_the_creation_date(play: Play) -> None:
    async def story(world: World) -> None:
        first = (await world.policies.put("acme", ON)).policy
        second = await world.policies.put("acme", OFF | {"other": True})
        assert first is not None
        assert second.effect is Effect.CHANGED
        assert second.policy is not None
        assert (second.policy.sequence, second.policy.created_at) == (2, first.created_at)
        assert second.policy.switches == OFF | {"other": True}
        assert second.policy.changed_at >= first.changed_at

    play(story)


def test_setting_what_is_set_changes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        first = await world.policies.put("acme", ON)
        again = await world.policies.put("acme", ON)
        assert (again.effect, again.policy) == (Effect.UNCHANGED, first.policy)

    play(story)


def test_off_is_another_thing_than_never_set(play: Play) -> None:
    async def story(world: World) -> None:
        await world.policies.put("acme", ON)
        said = await world.policies.put("acme", {"other": False})
        assert said.effect is Effect.CHANGED
        assert said.policy is not None
        assert said.policy.switches == ON | {"other": False}

    play(story)


def test_presence_is_required_where_the_writer_asks_for_it(play: Play) -> None:
    async def story(world: World) -> None:
        refused = await world.policies.put("acme", ON, presence=Presence.PRESENT)
        assert (refused.effect, refused.policy) == (Effect.REFUSED, None)
        created = await world.policies.put("acme", ON, presence=Presence.ABSENT)
        assert created.effect is Effect.CREATED
        refused = await world.policies.put("acme", OFF, presence=Presence.ABSENT)
        assert (refused.effect, refused.policy) == (Effect.REFUSED, created.policy)
        changed = await world.policies.put("acme", OFF, presence=Presence.PRESENT)
        assert changed.effect is Effect.CHANGED

    play(story)


def test_the_default_counts_where_an_organization_has_no_policy(play: Play) -> None:
    async def story(world: World) -> None:
        default = (await world.policies.put(INSTANCE, ON)).policy
        own = (await world.policies.put("acme", OFF)).policy
        assert await world.policies.effective("globex") == default
        assert await world.policies.effective("acme") == own
        await world.policies.remove("acme")
        assert await world.policies.effective("acme") == default
        assert await world.policies.load("acme") is None

    play(story)


def test_the_sequence_survives_a_removal(play: Play) -> None:
    async def story(world: World) -> None:
        await world.policies.put("acme", ON | {"other": True})
        removed = await world.policies.remove("acme")
        assert removed is not None
        assert (removed.sequence, removed.switches) == (2, ON | {"other": True})
        again = await world.policies.put("acme", OFF)
        assert again.effect is Effect.CREATED
        assert again.policy is not None
        assert (again.policy.sequence, again.policy.switches) == (3, OFF)

    play(story)


def test_an_empty_policy_is_a_policy(play: Play) -> None:
    async def story(world: World) -> None:
        await world.policies.put(INSTANCE, ON)
        await world.policies.put("acme", {})
        effective = await world.policies.effective("acme")
        assert effective is not None
        assert effective.owner == "acme"

    play(story)


def test_what_a_policy_does_not_set_is_as_in_the_default(play: Play) -> None:
    async def story(world: World) -> None:
        await world.policies.put(INSTANCE, ON | {"other": True})
        own = (await world.policies.put("acme", {"other": False})).policy
        assert own is not None
        effective = await world.policies.effective("acme")
        assert effective is not None
        assert (effective.owner, effective.sequence) == ("acme", own.sequence)
        assert effective.switches == ON | {"other": False}
        assert await world.policies.load("acme") == own

    play(story)


def test_concurrent_updates_lose_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        writes = [world.policies.put("acme", ON if turn % 2 else OFF) for turn in range(50)]
        written = await asyncio.gather(*writes)
        changes = [each for each in written if each.effect is not Effect.UNCHANGED]
        policy = await world.policies.load("acme")
        assert isinstance(policy, Policy)
        assert policy.sequence == len(changes)
        sequences = sorted(each.policy.sequence for each in changes if each.policy)
        assert sequences == list(range(1, len(changes) + 1))

    play(story)


def test_every_change_is_noted_with_its_writer(play: Play) -> None:
    async def story(world: World) -> None:
        assert await world.policies.history("acme") == []
        await world.policies.put("acme", ON, by="task")
        await world.policies.put("acme", ON, by="nobody: it was so")
        await world.policies.put("acme", OFF | {"other": True}, by="token:1")
        removed = await world.policies.remove("acme", by="a\tb")
        assert await world.policies.remove("acme", by="nobody: it was gone") is None
        await world.policies.put("acme", {})
        changes = await world.policies.history("acme")
        assert [(c.sequence, c.effect, c.before, c.after) for c in changes] == [
            (4, Effect.CREATED, None, {}),
            (3, Effect.REMOVED, OFF | {"other": True}, None),
            (2, Effect.CHANGED, ON, OFF | {"other": True}),
            (1, Effect.CREATED, None, ON),
        ]
        assert [c.by for c in changes] == ["", "a?b", "token:1", "task"]
        assert removed is not None
        assert changes[1].at == removed.changed_at
        assert await world.policies.history("acme", limit=2) == changes[:2]
        assert await world.policies.history("acme", limit=0) == []

    play(story)


def test_the_history_is_bounded(play: Play) -> None:
    async def story(world: World) -> None:
        for turn in range(1_003):
            await world.policies.put("acme", OFF if turn % 2 else ON)
        changes = await world.policies.history("acme", limit=2_000)
        assert [c.sequence for c in changes] == list(range(1_003, 3, -1))

    play(story)
