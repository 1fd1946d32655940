"""What every kind of directory does, against an office of its kind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from dispatcher.delivery import Skipped, SkipReason
from dispatcher.errors import DirectoryRefused, DirectoryUnavailable
from dispatcher.events import Addressee, Recipient, User
from tests.integration.directory.office import SECRET, TENANT, Asked, Person, http
from tests.integration.directory.world import KINDS, World, a_world, brought

ADA = Recipient("ada@example.org", "Ada Lovelace", "de")

Story = Callable[[World], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture(params=KINDS)
def play(request: pytest.FixtureRequest) -> Play:
    def played(story: Story, **fields: Any) -> None:
        asyncio.run(_played(request.param, story, **fields))

    return played


async def _played(kind: str, story: Story, **fields: Any) -> None:
    async with a_world(kind, **fields) as world:
        await story(world)


@asynccontextmanager
async def _knowing(kind: str, *people: Person, **fields: Any) -> AsyncIterator[World]:
    async with a_world(kind, **fields) as world:
        world.office.has(*people)
        yield world


def test_knows_address_name_and_language(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        assert await world.find() == ADA

    play(story)


def test_an_event_that_names_an_address_needs_no_directory(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        found = await world.find(email="other@example.org")
        assert found == Recipient("other@example.org")
        assert not world.office.asked

    play(story)


def test_a_directory_that_is_the_truth_is_asked_all_the_same(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        assert await world.find(email="other@example.org", display_name="A", locale="fr") == ADA

    play(story, is_truth=True)


def test_what_the_event_knows_besides_counts(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        found = await world.find(display_name="Countess", locale="fr")
        assert found == Recipient("ada@example.org", "Countess", "fr")

    play(story)


def test_who_is_inactive_gets_no_mail(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person(active=False))
        found = await world.find()
        assert isinstance(found, Skipped)
        assert found.reason is SkipReason.USER_INACTIVE

    play(story)


@pytest.mark.parametrize(
    "address", [None, "no address", "a@b@c", "x@example.org\r\nBcc: y@z.example"]
)
def test_who_has_no_address_gets_no_mail(play: Play, address: str | None) -> None:
    async def story(world: World) -> None:
        world.office.has(Person(email=address))
        found = await world.find()
        assert isinstance(found, Skipped)
        assert found == Skipped(
            SkipReason.NO_RECIPIENT, "its directory knows no address of the user"
        )

    play(story)


@pytest.mark.parametrize("user_id", ["u-2", ".", "..", "a/b?c#d", "u" * 200, "me", "\u00fc\u2028"])
def test_whom_it_does_not_know_gets_no_mail(play: Play, user_id: str) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        found = await world.find(user_id)
        assert found == Skipped(SkipReason.NO_RECIPIENT, "its directory knows no such user")

    play(story)


def test_an_answer_about_somebody_else_is_none(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.people["u-1"] = Person("u-2")
        found = await world.find()
        assert found == Skipped(SkipReason.NO_RECIPIENT, "its directory knows no such user")

    play(story)


def test_a_wrong_secret_refuses_and_is_told_once(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        for _ in range(5):
            with pytest.raises(DirectoryRefused):
                await world.find()
        assert world.told == [("the directory of iam", "DirectoryRefused")]
        assert len(world.office.asked) <= 2, "one probe at a time"

    play(story, secret="another")


def test_what_was_refused_is_let_in_once_the_secret_is_mended(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        with pytest.raises(DirectoryRefused):
            await world.find()
        await world.connect(secret=SECRET)
        assert await world.find() == ADA

    play(story, secret="another")


def test_the_wrong_url_is_no_answer_that_nobody_is_there(play: Play) -> None:
    async def nothing_here(_asked: Asked) -> bytes:
        return http(404, b"<html>not here</html>")

    async def story(world: World) -> None:
        world.office.override = nothing_here
        with pytest.raises((DirectoryUnavailable, DirectoryRefused)):
            await world.find()

    play(story)


def test_the_mailbox_before_the_change_is_looked_up_nowhere(play: Play) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        before = Recipient("old@example.org")
        assert await world.find(previous_email="old@example.org") == before
        event = brought(User("u-1", previous_email="old@example.org"))
        assert await world.directory.find(event, Addressee.PREVIOUS) == before
        assert not world.office.asked

    play(story, is_truth=True)


def test_a_connection_that_may_not_speak_for_the_organization_opens_no_directory(
    play: Play,
) -> None:
    async def story(world: World) -> None:
        world.office.has(Person())
        nobody = Skipped(SkipReason.NO_RECIPIENT)
        for org, tenant in (("globex", TENANT), ("acme", "300002"), ("acme", ""), ("acme", "x")):
            foreign = brought(User("u-1"), org=org, tenant=tenant)
            assert await world.directory.find(foreign) == nobody
        event = replace(brought(User("u-1")), source="hooks/another/300001")
        assert await world.directory.find(event) == nobody
        event = replace(brought(User("u-1")), source=None)
        assert await world.directory.find(event) == nobody
        assert not world.office.asked

    play(story)


@pytest.mark.parametrize("kind", ["zitadel", "keycloak"])
def test_a_machine_gets_no_mail(kind: str) -> None:
    async def story() -> None:
        async with _knowing(kind, Person(machine=True)) as world:
            found = await world.find()
            assert found == Skipped(SkipReason.NO_RECIPIENT, "its directory knows it for a machine")

    asyncio.run(story())


UNVERIFIED = Skipped(SkipReason.NO_RECIPIENT, "its directory knows no verified address of the user")


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("zitadel", {}, UNVERIFIED),
        ("zitadel", {"unverified": "send"}, ADA),
        ("keycloak", {}, ADA),
        ("keycloak", {"unverified": "skip"}, UNVERIFIED),
    ],
)
def test_an_unverified_address_counts_as_its_kind_has_it_or_as_is_said(
    kind: str, options: dict[str, str], expected: Recipient | Skipped
) -> None:
    async def story() -> None:
        async with _knowing(kind, Person(verified=False), **options) as world:
            assert await world.find() == expected

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["zitadel", "keycloak"])
def test_the_events_verified_address_is_preferred_to_an_unverified_one(kind: str) -> None:
    async def story() -> None:
        async with _knowing(kind, Person(verified=False), is_truth=True) as world:
            found = await world.find(email="mine@example.org", email_verified=True)
            assert found == Recipient("mine@example.org", "Ada Lovelace", "de")

    asyncio.run(story())


def test_a_user_of_another_zitadel_organization_is_none_of_this_one() -> None:
    async def story() -> None:
        async with _knowing("zitadel", Person(tenant="300002"), Person("u-2")) as world:
            found = list(await asyncio.gather(world.find("u-1"), world.find("u-2")))
            unknown = Skipped(SkipReason.NO_RECIPIENT, "its directory knows no such user")
            assert found == [unknown, ADA]

    asyncio.run(story())


def test_zitadel_is_asked_for_many_users_at_once() -> None:
    async def story() -> None:
        everybody = [Person(f"u-{number}") for number in range(100)]
        async with _knowing("zitadel", *everybody) as world:
            found = await asyncio.gather(*(world.find(each.id) for each in everybody))
            assert found == [ADA] * 100
            assert len(world.office.asked) <= 4

    asyncio.run(story())


def test_whom_a_list_of_zitadels_leaves_out_is_asked_for_alone() -> None:
    async def story() -> None:
        async with _knowing("zitadel", Person(), Person("u-2")) as world:

            async def only_alone(asked: Asked) -> bytes | None:
                return http(200, {"result": []}) if asked.method == "POST" else None

            world.office.override = only_alone
            assert list(await asyncio.gather(world.find(), world.find("u-2"))) == [ADA, ADA]

    asyncio.run(story())


def test_one_organizations_refusal_does_not_concern_another() -> None:
    async def story() -> None:
        async with _knowing("zitadel", Person(), Person("u-2", tenant="300002")) as world:

            async def one_only(asked: Asked) -> bytes | None:
                return http(403, {"code": 7}) if asked.path.endswith("u-2") else None

            world.office.override = one_only
            theirs = brought(User("u-2"), tenant="300002", org="globex")
            for _ in range(3):
                with pytest.raises(DirectoryRefused):
                    await world.directory.find(theirs)
                assert await world.find() == ADA

    asyncio.run(story())


def test_keycloaks_token_is_kept_and_replaced_when_keycloak_has_forgotten_it() -> None:
    async def story() -> None:
        async with _knowing("keycloak", Person(), cache="0") as world:
            assert await asyncio.gather(*(world.find() for _ in range(5))) == [ADA] * 5
            assert await world.find() == ADA
            assert sum(asked.method == "POST" for asked in world.office.asked) == 1

            forgotten = iter([http(401, {"error": "HTTP 401 Unauthorized"})])

            async def forgets(asked: Asked) -> bytes | None:
                return next(forgotten, None) if asked.method == "GET" else None

            world.office.override = forgets
            assert await world.find() == ADA
            assert sum(asked.method == "POST" for asked in world.office.asked) == 2

    asyncio.run(story())


def test_keycloaks_client_may_be_of_another_realm() -> None:
    async def story() -> None:
        options = {"realm": "people", "token_realm": TENANT}
        async with a_world("keycloak", **options) as world:
            with pytest.raises(DirectoryRefused):
                await world.find()
            paths = [asked.path for asked in world.office.asked]
            assert paths[:2] == [
                f"/realms/{TENANT}/protocol/openid-connect/token",
                "/admin/realms/people/users/u-1",
            ]

    asyncio.run(story())


@pytest.mark.parametrize(("match", "user_id"), [("externalId", "x-u-1"), ("userName", "u-1@login")])
def test_scim_finds_by_another_attribute(match: str, user_id: str) -> None:
    async def story() -> None:
        async with _knowing("scim", Person(), Person("u-2"), match=match) as world:
            assert await world.find(user_id) == ADA
            hostile = await world.find('" or userName pr or userName eq "')
            assert hostile == Skipped(SkipReason.NO_RECIPIENT, "its directory knows no such user")

    asyncio.run(story())
