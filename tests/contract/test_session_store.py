"""What every store of the console's sessions promises: bytes come back for a while, or not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory_sessions import MemorySessions
from dispatcher.adapters.store.valkey_sessions import ValkeySessions
from dispatcher.web.console.sessions import Keeper, SealedSessions
from tests.builders import StandingClock

Story = Callable[[Keeper], Awaitable[None]]
Play = Callable[[Story], None]


@pytest.fixture(params=["memory", "valkey"])
def play_sessions(request: pytest.FixtureRequest) -> Play:
    if request.param == "memory":
        return lambda story: asyncio.run(_as_coroutine(story, MemorySessions(StandingClock())))
    url: str = request.getfixturevalue("valkey_url")
    return lambda story: asyncio.run(_in_valkey(story, url))


async def _in_valkey(story: Story, url: str) -> None:
    async with connect(url) as client:
        await client.flushall()
        await story(ValkeySessions(client))


async def _as_coroutine(story: Story, keeper: Keeper) -> None:
    await story(keeper)


def test_what_is_kept_comes_back_until_it_is_removed(play_sessions: Play) -> None:
    async def story(keeper: Keeper) -> None:
        assert await keeper.read("a") is None
        await keeper.write("a", b"\x00sealed", 60)
        await keeper.write("b", b"other", 60)
        assert await keeper.read("a") == b"\x00sealed"
        await keeper.write("a", b"newer", 60)
        assert await keeper.read("a") == b"newer"
        await keeper.remove("a")
        await keeper.remove("a")
        assert await keeper.read("a") is None
        assert await keeper.read("b") == b"other"

    play_sessions(story)


def test_in_memory_it_ends_by_itself() -> None:
    async def story() -> None:
        clock = StandingClock()
        keeper = MemorySessions(clock)
        await keeper.write("a", b"x", 60)
        clock.advance(60)
        assert await keeper.read("a") is None

    asyncio.run(story())


def test_in_valkey_it_ends_by_itself(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await ValkeySessions(client).write("a", b"x", 60)
            assert 55 < await client.ttl("nd:session:a") <= 60

    asyncio.run(story())


def test_only_the_id_opens_a_session_and_the_store_has_neither_id_nor_content(
    valkey_url: str,
) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            sessions = SealedSessions(ValkeySessions(client))
            await sessions.write(
                "0123456789abcdef", b'{"token": "t1-of-a-length-nobody-hits"}', 0, 60
            )
            assert (
                await sessions.read("0123456789abcdef", 0)
                == b'{"token": "t1-of-a-length-nobody-hits"}'
            )
            (key,) = await client.keys("nd:session:*")
            kept = await client.get(key)
            assert b"0123456789abcdef" not in key
            assert isinstance(kept, bytes)
            assert b"of-a-length" not in kept
            assert await sessions.read("0123456789abcdee", 0) == b""
            assert await sessions.read("x" * 10_000, 0) == b""
            await client.set(key, b"not ours")
            assert await sessions.read("0123456789abcdef", 0) == b""

    asyncio.run(story())
