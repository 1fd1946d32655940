"""What every store of former addresses promises: by account, for a time, and not in clear."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory_formers import MemoryFormerAddressStore
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_formers import ValkeyFormerAddressStore
from dispatcher.adapters.store.vault import Vault
from dispatcher.bootstrap import SystemClock
from dispatcher.ports import FormerAddressStore

Story = Callable[[FormerAddressStore], Awaitable[None]]
Play = Callable[[Story], None]

ADA, EVE = ("acme", "u-ada"), ("acme", "u-eve")
OLD = "ada@old.example"
KEY, OTHER_KEY = bytes(range(32)), bytes(32)


@pytest.fixture(params=["memory", "valkey", "valkey without a key"])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Run a story in one of the worlds."""
    if request.param == "memory":
        yield lambda story: asyncio.run(_in_memory(story))
        return
    url = request.getfixturevalue("valkey_url")
    keys = () if "without" in request.param else (KEY,)
    yield lambda story: asyncio.run(_in_valkey(story, url, Vault(keys)))


async def _in_memory(story: Story) -> None:
    await story(MemoryFormerAddressStore(SystemClock()))


async def _in_valkey(story: Story, url: str, vault: Vault) -> None:
    async with connect(url) as client:
        await client.flushall()
        await story(ValkeyFormerAddressStore(client, Readings(client), vault))


def test_an_address_is_recalled_for_its_account_only(play: Play) -> None:
    async def story(store: FormerAddressStore) -> None:
        await store.remember(ADA, OLD, 60)
        assert await store.recall([EVE, ADA, ("globex", "u-ada")]) == [None, OLD, None]

    play(story)


def test_a_later_change_of_address_counts(play: Play) -> None:
    async def story(store: FormerAddressStore) -> None:
        await store.remember(ADA, OLD, 60)
        await store.remember(ADA, "ada@älter.example", 60)
        assert await store.recall([ADA]) == ["ada@älter.example"]

    play(story)


def test_an_address_is_forgotten_in_time(play: Play) -> None:
    async def story(store: FormerAddressStore) -> None:
        await store.remember(ADA, OLD, 0.01)
        async with asyncio.timeout(10):
            while await store.recall([ADA]) != [None]:  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.005)

    play(story)


def test_it_is_encrypted_where_there_is_a_key_and_names_no_account(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            readings = Readings(client)
            store = ValkeyFormerAddressStore(client, readings, Vault((KEY,)))
            await store.remember(ADA, OLD, 60)
            [key] = await client.keys("*")
            assert "ada" not in f"{key!r} {await client.get(key)!r}"
            without = ValkeyFormerAddressStore(client, readings, Vault((OTHER_KEY,)))
            assert await without.recall([ADA]) == [None]

    asyncio.run(story())
