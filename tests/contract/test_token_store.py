"""What every token store promises: digests are kept, and a revocation counts at once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatcher.access import Role, Token, TokenStore
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory_tokens import MemoryTokenStore
from dispatcher.adapters.store.valkey_tokens import ValkeyTokenStore
from dispatcher.errors import StoreUnavailable
from tests.builders import NOON

Story = Callable[[TokenStore], Awaitable[None]]
Play = Callable[[Story], None]

DAY = timedelta(days=1)


def a_token(known_by: str = "t1", *, org: str = "acme", age: int = 0) -> Token:
    return Token(
        id=known_by,
        org_id=org,
        roles=frozenset({Role.ORG_OWNER, Role.ORG_OWNER_VIEWER}),
        name="the back office's, naïve",
        created_at=NOON - age * DAY,
        digest=bytes(range(32)),
    )


@pytest.fixture(params=["memory", "valkey"])
def play_tokens(request: pytest.FixtureRequest) -> Play:
    if request.param == "memory":
        return lambda story: asyncio.run(_as_coroutine(story, MemoryTokenStore()))
    url: str = request.getfixturevalue("valkey_url")
    return lambda story: asyncio.run(_in_valkey(story, url))


async def _in_valkey(story: Story, url: str) -> None:
    async with connect(url) as client:
        await client.flushall()
        await story(ValkeyTokenStore(client))


async def _as_coroutine(story: Story, store: TokenStore) -> None:
    await story(store)


def test_what_is_kept_is_found_as_it_was(play_tokens: Play) -> None:
    async def story(store: TokenStore) -> None:
        for token in (
            a_token(),
            replace(a_token("t2"), expires_at=NOON + 400 * DAY, org_id="", name=""),
            replace(a_token("t3"), roles=frozenset({Role.IAM_OWNER})),
        ):
            await store.add(token)
            assert await store.find(token.id) == token

    play_tokens(story)


def test_an_unknown_token_is_not_found_nor_revoked(play_tokens: Play) -> None:
    async def story(store: TokenStore) -> None:
        await store.add(a_token())
        assert await store.find("t") is None
        assert await store.find("") is None
        assert await store.revoke("t2", NOON) is None

    play_tokens(story)


def test_a_revocation_counts_from_the_next_reading_on_and_the_first_one_stays(
    play_tokens: Play,
) -> None:
    async def story(store: TokenStore) -> None:
        await store.add(a_token())
        revoked = replace(a_token(), revoked_at=NOON)
        assert await store.revoke("t1", NOON) == revoked
        assert await store.find("t1") == revoked
        assert await store.revoke("t1", NOON + DAY) == revoked

    play_tokens(story)


def test_tokens_are_listed_oldest_first_with_their_last_use(play_tokens: Play) -> None:
    async def story(store: TokenStore) -> None:
        assert list(await store.list()) == []
        old, young = a_token("a", age=1), a_token("b")
        await store.add(young)
        await store.add(old)
        await store.touch({"b": NOON})
        await store.touch({"b": NOON + DAY})
        assert list(await store.list()) == [old, replace(young, last_used_at=NOON + DAY)]

    play_tokens(story)


def test_one_process_sees_at_once_what_another_revoked(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as ours, connect(valkey_url) as theirs:
            await ours.flushall()
            here, there = ValkeyTokenStore(ours), ValkeyTokenStore(theirs)
            await here.add(a_token())
            assert await there.find("t1") is not None
            await here.revoke("t1", NOON)
            found = await there.find("t1")
            assert found is not None
            assert found.revoked_at == NOON

    asyncio.run(story())


def test_the_store_forgets_a_worthless_token_after_ninety_days_but_no_other(
    valkey_url: str,
) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeyTokenStore(client)
            await store.add(a_token())
            assert await client.ttl("nd:token:t1") == -1
            await store.add(replace(a_token("t2"), expires_at=NOON))
            assert await client.expiretime("nd:token:t2") == int((NOON + 90 * DAY).timestamp())
            await store.revoke("t1", NOON + DAY)
            assert await client.expiretime("nd:token:t1") == int((NOON + 91 * DAY).timestamp())
            await client.delete("nd:token:t2")
            await store.touch({"t2": NOON})
            assert [token.id for token in await store.list()] == ["t1"]
            assert await client.smembers("nd:tokens") == {b"t1"}
            assert await client.hkeys("nd:token-uses") == []

    asyncio.run(story())


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"zz\tacme\tORG_OWNER\t1\t\t\tx", b"\xff"])
def test_a_broken_record_is_not_taken_for_none(valkey_url: str, garbage: bytes) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            await client.set("nd:token:t1", garbage)
            with pytest.raises(StoreUnavailable):
                await ValkeyTokenStore(client).find("t1")

    asyncio.run(story())


def test_a_role_of_a_newer_version_permits_nothing(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            await client.set("nd:token:t1", b"00\tacme\tORG_KING,ORG_OWNER\t0\t\t\tname")
            found = await ValkeyTokenStore(client).find("t1")
            assert found is not None
            assert found.roles == frozenset({Role.ORG_OWNER})

    asyncio.run(story())
