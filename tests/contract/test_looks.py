"""What every store of looks promises: whole or not at all, a sequence, and no look of yesterday."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from dispatcher.branding import Branding
from dispatcher.errors import InvalidLook
from dispatcher.look import Alter, Look
from dispatcher.ports import Terms
from tests.builders import a_logo
from tests.contract.worlds import World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

RECIPIENT = "0123456789abcdef"
GREETING = {("password_change", "de"): {"greeting": "Grüezi {{ name }},"}}


def _named(name: str) -> Alter:
    return lambda look: replace(look, branding=replace(look.branding, name=name))


def _empty(look: Look) -> Look:
    return replace(look, branding=Branding(), texts={})


async def _look(world: World, org_id: str = "acme") -> Look | None:
    return (await world.correspondence.terms(org_id, RECIPIENT)).look


def test_an_organization_begins_without_a_look(play: Play) -> None:
    async def story(world: World) -> None:
        assert await world.looks.load("acme") is None
        assert await world.looks.organizations() == []
        assert await world.correspondence.terms("acme", RECIPIENT) == Terms()

    play(story)


def test_a_look_is_kept_whole_and_counts_from_the_next_event_on(play: Play) -> None:
    branding = Branding(
        "Zoë & Co", "de", "#112233", "#ffffff", "#000000", "Line\nby line", a_logo(), place=False
    )

    async def story(world: World) -> None:
        written = await world.looks.put(
            "acme", lambda look: replace(look, branding=branding, texts=GREETING)
        )
        look = written.look
        assert written.changed
        assert (look.branding, look.texts, look.sequence) == (branding, GREETING, 1)
        assert look.changed_at is not None
        assert await world.looks.load("acme") == look
        assert await _look(world) == look
        assert await _look(world, "globex") is None

    play(story)


def test_each_change_is_seen_by_who_has_seen_the_one_before(play: Play) -> None:
    async def story(world: World) -> None:
        for name in ("One", "Two"):
            await world.looks.put("acme", _named(name))
            for _ in range(2):
                look = await _look(world)
                assert look is not None
                assert look.branding.name == name

    play(story)


def test_what_is_so_already_changes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        await world.looks.put("acme", _named("Acme"))
        again = await world.looks.put("acme", _named("Acme"))
        assert (again.changed, again.look.sequence) == (False, 1)
        never = await world.looks.put("globex", _empty)
        assert (never.changed, never.look.sequence) == (False, 0)

    play(story)


def test_after_a_reset_the_instances_look_counts_and_the_sequence_goes_on(play: Play) -> None:
    async def story(world: World) -> None:
        await world.looks.put("acme", _named("Acme"))
        assert await _look(world) is not None
        left = await world.looks.put("acme", _empty)
        assert (left.changed, left.look.sequence) == (True, 2)
        assert await world.looks.load("acme") is None
        assert await world.looks.organizations() == []
        assert await world.correspondence.terms("acme", RECIPIENT) == Terms()
        assert (await world.looks.put("acme", _named("Acme"))).look.sequence == 3
        assert await _look(world) is not None

    play(story)


def test_a_change_that_is_refused_leaves_everything_as_it_was(play: Play) -> None:
    def refuse(look: Look) -> Look:
        raise InvalidLook(f"not {look.org_id}")

    async def story(world: World) -> None:
        await world.looks.put("acme", _named("Acme"))
        with pytest.raises(InvalidLook, match="not acme"):
            await world.looks.put("acme", refuse)
        look = await world.looks.load("acme")
        assert look is not None
        assert (look.branding.name, look.sequence) == ("Acme", 1)

    play(story)


def test_concurrent_changes_of_one_look_are_all_kept(play: Play) -> None:
    async def story(world: World) -> None:
        await asyncio.gather(
            world.looks.put("acme", _named("Acme")),
            world.looks.put("acme", lambda look: replace(look, texts=GREETING)),
            world.looks.put(
                "acme", lambda look: replace(look, branding=replace(look.branding, ip=False))
            ),
        )
        look = await world.looks.load("acme")
        assert look is not None
        assert (look.branding.name, look.branding.ip) == ("Acme", False)
        assert (look.texts, look.sequence) == (GREETING, 3)

    play(story)


def test_whoever_has_a_look_is_listed_in_order(play: Play) -> None:
    async def story(world: World) -> None:
        for org in ("globex", "acme", "initech"):
            await world.looks.put(org, _named(org))
        await world.looks.put("globex", _empty)
        assert await world.looks.organizations() == ["acme", "initech"]

    play(story)


def test_many_events_of_one_organization_meet_its_new_look_at_once(play: Play) -> None:
    async def story(world: World) -> None:
        await world.looks.put("acme", _named("Acme"))
        looks = await asyncio.gather(*(_look(world) for _ in range(50)))
        assert {look.branding.name for look in looks if look} == {"Acme"}
        assert len(looks) == sum(look is not None for look in looks)

    play(story)
