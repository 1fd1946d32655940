"""What every directory promises: it names the right mailbox, or why rightly nobody is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.delivery import Skipped, SkipReason
from dispatcher.events import Actor, ActorKind, Addressee, Recipient, User
from dispatcher.ports import Directory
from tests.builders import an_event
from tests.integration.directory.office import Person
from tests.integration.directory.world import KINDS, a_world, brought

Story = Callable[[Directory], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture(params=["event", *KINDS])
def play(request: pytest.FixtureRequest) -> Play:
    return lambda story: asyncio.run(_played(request.param, story))


async def _played(name: str, story: Story) -> None:
    async with _directory(name) as directory:
        await story(directory)


@asynccontextmanager
async def _directory(name: str) -> AsyncIterator[Directory]:
    if name == "event":
        yield FromEvent()
        return
    async with a_world(name) as world:
        world.office.has(Person("u-1"), Person("admin", "admin@example.org"))
        yield world.directory


def test_takes_the_address_that_the_event_names(play: Play) -> None:
    async def story(directory: Directory) -> None:
        user = User("u-1", "event@example.org", "Ada", locale="fr")
        for event in (brought(user), an_event(user=user)):
            found = await directory.find(event, Addressee.CURRENT)
            assert found == Recipient("event@example.org", "Ada", "fr")

    play(story)


def test_names_the_previous_mailbox_to_who_asks_for_it(play: Play) -> None:
    async def story(directory: Directory) -> None:
        user = User("u-1", "new@example.org", previous_email="old@example.org")
        found = await directory.find(brought(user), Addressee.PREVIOUS)
        assert found == Recipient("old@example.org")
        found = await directory.find(brought(User("u-1", "new@example.org")), Addressee.PREVIOUS)
        assert found == Skipped(SkipReason.NO_RECIPIENT)

    play(story)


def test_never_names_whoever_acted(play: Play) -> None:
    async def story(directory: Directory) -> None:
        event = an_event(
            user=User("u-2"), actor=Actor(ActorKind.ADMIN, "admin"), source="hooks/iam/300001"
        )
        found = await directory.find(event, Addressee.CURRENT)
        assert isinstance(found, Skipped)
        assert found.reason is SkipReason.NO_RECIPIENT

    play(story)


def test_an_event_of_no_connection_says_all_there_is(play: Play) -> None:
    async def story(directory: Directory) -> None:
        for source in (None, "", "https://iam.example", "hooks/", "hooks/A", "hooks/nobody/300001"):
            event = an_event(user=User("u-1"), source=source)
            assert await directory.find(event, Addressee.CURRENT) == Skipped(
                SkipReason.NO_RECIPIENT
            )

    play(story)
