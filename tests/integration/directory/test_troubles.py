"""What directories do to us: slow, lying, away, refusing, huge; and what we do then."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dispatcher.adapters.directory.by_connection import ConnectionDirectory
from dispatcher.adapters.directory.desk import Line
from dispatcher.adapters.directory.wire import Wire
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.errors import DirectoryError, DirectoryThrottled, DirectoryUnavailable
from dispatcher.events import Recipient, User
from tests.integration.directory.office import Asked, Office, Person, http, opened
from tests.integration.directory.world import World, a_connection, a_world, brought

ADA = Recipient("ada@example.org", "Ada Lovelace", "de")


def always(answer: bytes) -> Callable[[Asked], Awaitable[bytes]]:
    async def answered(_asked: Asked) -> bytes:
        return answer

    return answered


@asynccontextmanager
async def impatient() -> AsyncIterator[World]:
    """Return a world whose HTTP client waits for a tenth of a second only."""
    told: list[tuple[str, str]] = []

    def line() -> Line:
        return Wire(patience=0.1)

    async with opened(Office("okta")) as office:
        connections = MemoryConnectionStore([a_connection(office)])
        directory = ConnectionDirectory(
            connections, lambda what, error: told.append((what, str(error))), line
        )
        try:
            yield World(office, connections, directory, told)
        finally:
            await directory.close()


async def trouble(world: World) -> DirectoryError:
    with pytest.raises(DirectoryError) as caught:
        await world.find()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (http(500, {}), "answers with 500"),
        (http(503, {}, retry_after="9"), "answers with 503"),
        (http(400, {}), "answers with 400"),
        (http(204), "answers with 204"),
        (http(302, {}, location="http://127.0.0.1:1/"), "give its final address"),
        (http(200, b"<html>"), "is no JSON"),
        (http(200, b"[" * 100_000), "is no JSON"),
        (http(200, []), "no JSON object"),
        (http(200, b"{" + b" " * 1_100_000 + b"}"), "too large"),
        (http(200, gzip.compress(b"{}"), content_encoding="gzip"), "unasked"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "does not answer"),
        (b"nonsense\r\n\r\n", "does not answer"),
    ],
)
def test_what_is_no_answer_is_an_outage(answer: bytes, why: str) -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.override = always(answer)
            error = await trouble(world)
            assert isinstance(error, DirectoryUnavailable)
            assert why in str(error)

    asyncio.run(story())


def test_a_redirect_is_not_followed_with_our_secret() -> None:
    async def story() -> None:
        async with a_world("okta") as world, opened(Office("okta")) as thief:
            world.office.override = always(http(307, {}, location=f"{thief.url}/api/v1/users/u-1"))
            await trouble(world)
            assert not thief.asked

    asyncio.run(story())


@pytest.mark.parametrize("drips", [False, True])
def test_who_does_not_answer_in_time_holds_nobody(*, drips: bool) -> None:
    async def story() -> None:
        async with impatient() as world:
            release = asyncio.Event()

            async def silent(_asked: Asked) -> bytes:
                if not drips:
                    await release.wait()
                return b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"

            if drips:
                world.office.keeps_open = release
            world.office.override = silent
            error = await trouble(world)
            assert "does not answer" in str(error)
            release.set()

    asyncio.run(story())


def test_nobody_there_opens_the_breaker_and_is_told_once() -> None:
    async def story() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            async with a_world("zitadel", url=url) as world:
                errors = [str(await trouble(world)) for _ in range(9)]
                assert sum("does not answer" in error for error in errors) == 5
                assert errors[-1] == "the directory is away; one question at a time tries it"
                assert world.told == [("the directory of iam", "DirectoryUnavailable")]

    asyncio.run(story())


def test_an_outages_end_is_noticed_by_a_probe() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.has(Person())
            world.office.override = always(http(500, {}))
            for _ in range(6):
                await trouble(world)
            world.office.override = None
            while True:
                try:
                    assert await world.find() == ADA
                    break
                except DirectoryUnavailable:
                    await asyncio.sleep(0.02)
            assert len(world.office.asked) == 6

    asyncio.run(story())


def test_whoever_is_throttled_asks_nothing_for_as_long_as_is_said() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.override = always(http(429, {}, retry_after="17"))
            for _ in range(5):
                error = await trouble(world)
                assert isinstance(error, DirectoryThrottled)
                assert 16 < error.wait <= 17
            assert len(world.office.asked) == 1
            assert world.told == [("the directory of iam", "DirectoryThrottled")]

    asyncio.run(story())


def test_nobody_is_asked_for_twice_at_a_time_or_within_a_moment() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.has(Person())
            assert list(await asyncio.gather(*(world.find() for _ in range(50)))) == [ADA] * 50
            assert await world.find() == ADA
            assert len(world.office.asked) == 1

    asyncio.run(story())


def test_nothing_is_remembered_where_that_is_said() -> None:
    async def story() -> None:
        async with a_world("okta", cache="0") as world:
            world.office.has(Person())
            assert await world.find() == ADA
            world.office.has(Person(email="new@example.org"))
            assert await world.find() == Recipient("new@example.org", "Ada Lovelace", "de")

    asyncio.run(story())


def test_that_somebody_is_unknown_is_not_remembered() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            assert await world.find() != ADA
            world.office.has(Person())
            assert await world.find() == ADA

    asyncio.run(story())


def test_few_questions_are_asked_at_a_time() -> None:
    async def story() -> None:
        everybody = [f"u-{number}" for number in range(64)]
        async with a_world("okta") as world:
            world.office.has(*(Person(user_id) for user_id in everybody))

            async def slowly(_asked: Asked) -> None:
                await asyncio.sleep(0.005)

            world.office.override = slowly
            found = await asyncio.gather(*(world.find(user_id) for user_id in everybody))
            assert list(found) == [ADA] * 64
            assert world.office.most_at_once == 16

    asyncio.run(story())


def test_one_who_no_longer_waits_does_not_stop_the_others() -> None:
    async def story() -> None:
        async with a_world("zitadel") as world:
            world.office.has(Person())
            arrived, release = asyncio.Event(), asyncio.Event()

            async def when_told(_asked: Asked) -> None:
                arrived.set()
                await release.wait()

            world.office.override = when_told
            first, second = (asyncio.create_task(world.find()) for _ in range(2))
            await arrived.wait()
            first.cancel()
            release.set()
            assert await second == ADA
            with pytest.raises(asyncio.CancelledError):
                await first

    asyncio.run(story())


def test_what_is_asked_when_the_connection_changes_is_still_answered() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.has(Person())
            arrived, release = asyncio.Event(), asyncio.Event()

            async def when_told(_asked: Asked) -> None:
                arrived.set()
                await release.wait()

            world.office.override = when_told
            first = asyncio.create_task(world.find())
            await arrived.wait()
            await world.connect(cache="1")
            second = asyncio.create_task(world.find())
            release.set()
            assert [await first, await second] == [ADA, ADA]
            assert len(world.office.asked) == 2

    asyncio.run(story())


def test_no_cookie_is_kept() -> None:
    async def story() -> None:
        async with a_world("okta", cache="0") as world:
            world.office.has(Person())
            world.office.override = always(http(404, {"errorCode": "E0000007"}, set_cookie="a=b"))
            await world.find()
            world.office.override = None
            assert await world.find() == ADA
            assert "cookie" not in world.office.asked[-1].headers

    asyncio.run(story())


def test_no_secret_and_no_address_is_in_what_is_told() -> None:
    async def story() -> None:
        async with a_world("okta") as world:
            world.office.override = always(http(500, {"email": "ada@example.org"}))
            error = await trouble(world)
            assert "ada@" not in repr(error)
            assert "what-opens-it" not in repr(error)
            assert brought(User("u-1")).id not in str(error)

    asyncio.run(story())
