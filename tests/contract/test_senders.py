"""What every store of senders promises: fields one by one, a sequence, and secrets that open."""

import asyncio
from collections.abc import Awaitable, Callable

from dispatcher.ports import Terms
from dispatcher.sender import SenderChange
from tests.contract.worlds import World

Play = Callable[[Callable[[World], Awaitable[None]]], None]

RELAYS = "smtp://acme:s3cret@mail.acme.example:587"
FROM = SenderChange(mail_from="Acme <no-reply@acme.example>")
RECIPIENT = "0123456789abcdef"


def test_an_organization_begins_without_a_sender(play: Play) -> None:
    async def story(world: World) -> None:
        assert await world.senders.load("acme") is None
        assert await world.senders.remove("acme") is None
        assert await world.senders.organizations() == []
        assert await world.correspondence.terms("acme", RECIPIENT) == Terms()

    play(story)


def test_a_sender_is_kept_whole_and_counts_from_the_next_event_on(play: Play) -> None:
    async def story(world: World) -> None:
        change = SenderChange("Zoë <no-reply@acme.example>", "help@acme.example", RELAYS)
        written = await world.senders.put("acme", change)
        sender = written.sender
        assert written.changed
        assert (sender.mail_from, sender.reply_to) == (change.mail_from, change.reply_to)
        assert (sender.relays, sender.sequence) == (RELAYS, 1)
        assert sender.changed_at is not None
        assert await world.senders.load("acme") == sender
        assert (await world.correspondence.terms("acme", RECIPIENT)).sender == sender
        assert (await world.correspondence.terms("globex", RECIPIENT)).sender is None

    play(story)


def test_a_change_leaves_the_fields_alone_that_it_does_not_name(play: Play) -> None:
    async def story(world: World) -> None:
        await world.senders.put("acme", SenderChange(relays=RELAYS))
        await world.senders.put("acme", FROM)
        written = await world.senders.put("acme", SenderChange(reply_to="help@acme.example"))
        sender = written.sender
        assert (sender.mail_from, sender.reply_to) == (FROM.mail_from, "help@acme.example")
        assert (sender.relays, sender.sequence) == (RELAYS, 3)
        reset = (await world.senders.put("acme", SenderChange(relays=""))).sender
        assert (reset.mail_from, reset.relays) == (FROM.mail_from, "")

    play(story)


def test_setting_what_is_so_already_changes_nothing(play: Play) -> None:
    async def story(world: World) -> None:
        change = SenderChange("Acme <no-reply@acme.example>", "", RELAYS)
        first = await world.senders.put("acme", change)
        again = await world.senders.put("acme", change)
        assert again.sender == first.sender
        assert not again.changed

    play(story)


def test_a_sender_whose_last_field_is_reset_is_gone_and_its_sequence_never_falls(
    play: Play,
) -> None:
    async def story(world: World) -> None:
        await world.senders.put("acme", FROM)
        emptied = await world.senders.put("acme", SenderChange(mail_from=""))
        assert (emptied.sender.sequence, emptied.changed) == (2, True)
        assert await world.senders.load("acme") is None
        assert await world.senders.organizations() == []
        assert (await world.senders.put("acme", FROM)).sender.sequence == 3
        left = await world.senders.remove("acme")
        assert left is not None
        assert (left.sequence, left.mail_from, left.relays) == (4, "", "")
        assert (await world.correspondence.terms("acme", RECIPIENT)).sender is None
        assert (await world.senders.put("acme", FROM)).sender.sequence == 5

    play(story)


def test_whoever_has_a_sender_is_listed_in_order(play: Play) -> None:
    async def story(world: World) -> None:
        for org in ("globex", "acme", "initech"):
            await world.senders.put(org, FROM)
        await world.senders.remove("globex")
        assert await world.senders.organizations() == ["acme", "initech"]

    play(story)


def test_concurrent_changes_of_one_sender_are_all_kept(play: Play) -> None:
    async def story(world: World) -> None:
        await asyncio.gather(
            world.senders.put("acme", FROM),
            world.senders.put("acme", SenderChange(reply_to="help@acme.example")),
            world.senders.put("acme", SenderChange(relays=RELAYS)),
        )
        sender = await world.senders.load("acme")
        assert sender is not None
        assert (sender.mail_from, sender.reply_to) == (FROM.mail_from, "help@acme.example")
        assert (sender.relays, sender.sequence) == (RELAYS, 3)

    play(story)
