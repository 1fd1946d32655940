"""What every connection store promises: what was put is found, and a change counts at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.adapters.store.valkey_connections import ValkeyConnectionStore
from dispatcher.adapters.store.vault import Vault, new_key, parse_keys
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.errors import ConfigError, ConnectionUnreadable, StoreUnavailable
from dispatcher.ports import ConnectionStore
from tests.builders import NOON

Story = Callable[[ConnectionStore], Awaitable[None]]
Play = Callable[[Story], None]
InValkey = Callable[[Redis], Awaitable[None]]

OLD, NEW = (parse_keys(new_key())[0] for _ in range(2))


def a_connection(name: str = "zitadel", **fields: object) -> Connection:
    plain = Connection(
        name,
        "zitadel",
        organizations=frozenset({"acme", "globex"}),
        tenants={"300001": "acme", "naïve/tenant": "globex"},
        organization="initech",
        secrets=("newest secret", "old\tsecret é"),
        options={"payload": "json"},
        directory=DirectoryAccess(
            "zitadel", "https://login.acme.example", "pat", {"cache": "30"}, is_truth=True
        ),
        secret_times=(NOON, NOON - timedelta(days=400)),
        changed_at=NOON,
    )
    if "secrets" in fields:
        fields = {"secret_times": ()} | fields
    return replace(plain, **fields)  # type: ignore[arg-type] # a test says which


def put(connection: Connection) -> Callable[[Connection | None], Connection]:
    return lambda _old: connection


@pytest.fixture(params=["memory", "valkey"])
def play(request: pytest.FixtureRequest) -> Play:
    if request.param == "memory":
        return lambda story: asyncio.run(_as_coroutine(story, MemoryConnectionStore()))
    url: str = request.getfixturevalue("valkey_url")
    return lambda story: _in_valkey(url, lambda client: story(a_store(client)))


def a_store(client: Redis, *keys: bytes) -> ValkeyConnectionStore:
    return ValkeyConnectionStore(client, Vault(keys or (NEW,)))


def _in_valkey(url: str, story: InValkey) -> None:
    async def emptied() -> None:
        async with connect(url) as client:
            await client.flushall()
            await story(client)

    asyncio.run(emptied())


async def _as_coroutine(story: Story, store: ConnectionStore) -> None:
    await story(store)


def test_what_is_put_is_found_as_it_was(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        bare = Connection("bare", "ssf", organizations=frozenset({"*"}))
        open_directory = a_connection("b", directory=DirectoryAccess("scim", "https://b.example"))
        for connection in (
            a_connection(),
            bare,
            open_directory,
            a_connection("c", secret_times=()),
        ):
            assert await store.alter(connection.name, put(connection)) == connection
            found = await store.find(connection.name)
            assert found == connection
            assert found.changed_at == connection.changed_at

    play(story)


def test_an_unknown_connection_is_neither_found_nor_removed(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        await store.alter("zitadel", put(a_connection()))
        for name in ("zitadel2", "", "s", "naïve"):
            assert await store.find(name) is None
            assert not await store.remove(name)
            assert not await store.reseal(name)

    play(story)


def test_names_are_told_in_order(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        assert list(await store.names()) == []
        for name in ("b", "c", "a"):
            await store.alter(name, put(a_connection(name)))
        await store.alter("b", put(a_connection("b", secrets=("another",))))
        await store.remove("c")
        assert list(await store.names()) == ["a", "b"]

    play(story)


def test_a_change_sees_what_there_is_and_counts_at_once(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        seen: list[Connection | None] = []

        def change(old: Connection | None) -> Connection:
            seen.append(old)
            return a_connection(organization="") if old is None else replace(old, kind="okta")

        await store.alter("zitadel", change)
        changed = await store.alter("zitadel", change)
        assert seen == [None, a_connection(organization="")]
        assert changed == await store.find("zitadel") == a_connection(organization="", kind="okta")

    play(story)


def test_a_change_that_is_refused_changes_nothing(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        def refuse(_old: Connection | None) -> Connection:
            raise LookupError

        with pytest.raises(LookupError):
            await store.alter("zitadel", refuse)
        assert await store.find("zitadel") is None
        assert list(await store.names()) == []

    play(story)


def test_a_removed_connection_is_gone_and_may_come_again(play: Play) -> None:
    async def story(store: ConnectionStore) -> None:
        await store.alter("zitadel", put(a_connection()))
        assert await store.remove("zitadel")
        assert await store.find("zitadel") is None
        assert not await store.remove("zitadel")
        await store.alter("zitadel", put(a_connection(kind="okta")))
        assert await store.find("zitadel") == a_connection(kind="okta")

    play(story)


def test_one_process_sees_at_once_what_another_changed(valkey_url: str) -> None:
    async def story(client: Redis) -> None:
        here = a_store(client)
        async with connect(valkey_url) as theirs:
            there = a_store(theirs)
            await here.alter("zitadel", put(a_connection()))
            assert await there.find("zitadel") == a_connection()
            await there.alter("zitadel", put(a_connection(secrets=("replaced",))))
            assert await here.find("zitadel") == a_connection(secrets=("replaced",))
            await here.remove("zitadel")
            assert await there.find("zitadel") is None

    _in_valkey(valkey_url, story)


def test_of_changes_at_the_same_time_none_is_lost(valkey_url: str) -> None:
    async def story(client: Redis) -> None:
        store = a_store(client)
        await store.alter("zitadel", put(a_connection(secrets=())))

        def one_more(old: Connection | None) -> Connection:
            assert old is not None
            return replace(old, secrets=(*old.secrets, "one more"))

        await asyncio.gather(*(store.alter("zitadel", one_more) for _ in range(4)))
        found = await store.find("zitadel")
        assert found is not None
        assert found.secrets == ("one more",) * 4

    _in_valkey(valkey_url, story)


def test_no_secret_is_readable_in_the_store(valkey_url: str) -> None:
    async def story(client: Redis) -> None:
        await a_store(client).alter("zitadel", put(a_connection()))
        text = await client.get("nd:connection:zitadel")
        assert isinstance(text, bytes)
        for secret in (b"newest secret", b"old", b"pat"):
            assert secret not in text.replace(b"payload", b"")

    _in_valkey(valkey_url, story)


def test_secrets_do_not_open_in_another_connections_record_nor_in_anothers_place(
    valkey_url: str,
) -> None:
    async def story(client: Redis) -> None:
        store = a_store(client)
        await store.alter("zitadel", put(a_connection()))
        text = await client.get("nd:connection:zitadel")
        assert isinstance(text, bytes)
        await client.set("nd:connection:okta", text)
        with pytest.raises(ConnectionUnreadable, match="okta"):
            await store.find("okta")
        record = json.loads(text)
        record["directory"]["sealed"] = record["secrets"][0]["sealed"]
        await client.set("nd:connection:zitadel", json.dumps(record))
        with pytest.raises(ConnectionUnreadable):
            await store.find("zitadel")

    _in_valkey(valkey_url, story)


def test_secrets_without_their_key_are_told_may_be_removed_and_never_taken_for_none(
    valkey_url: str,
) -> None:
    async def story(client: Redis) -> None:
        told: list[str] = []
        await a_store(client, OLD).alter("zitadel", put(a_connection()))
        store = ValkeyConnectionStore(
            client, Vault([NEW]), on_unreadable=lambda name, error: told.append(f"{name}: {error}")
        )
        with pytest.raises(ConnectionUnreadable, match="DISPATCHER_ENCRYPTION_KEYS"):
            await store.find("zitadel")
        assert len(told) == 1
        assert told[0].startswith("zitadel: ")
        with pytest.raises(ConnectionUnreadable):
            await store.alter("zitadel", put(a_connection(secrets=())))
        with pytest.raises(ConnectionUnreadable):
            await store.reseal("zitadel")
        assert list(await store.names()) == ["zitadel"]
        assert await store.remove("zitadel")

    _in_valkey(valkey_url, story)


def test_secrets_are_encrypted_anew_with_the_newest_key_once(valkey_url: str) -> None:
    async def story(client: Redis) -> None:
        await a_store(client, OLD).alter("zitadel", put(a_connection()))
        both = a_store(client, NEW, OLD)
        assert await both.reseal("zitadel")
        assert not await both.reseal("zitadel")
        assert await a_store(client, NEW).find("zitadel") == a_connection()

    _in_valkey(valkey_url, story)


def test_without_a_key_only_a_connection_without_secrets_is_kept(valkey_url: str) -> None:
    async def story(client: Redis) -> None:
        store = ValkeyConnectionStore(client, Vault())
        with pytest.raises(ConfigError, match="dispatcher key create"):
            await store.alter("zitadel", put(a_connection()))
        assert list(await store.names()) == []
        ssf = Connection("ssf", "ssf", organizations=frozenset({"acme"}))
        await store.alter("ssf", put(ssf))
        assert await store.find("ssf") == ssf

    _in_valkey(valkey_url, story)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b"\xff",
        b'{"secrets": 1}',
        b'{"secrets": [], "changed": "x", "kind": "okta", "organizations": []}',
    ],
)
def test_a_broken_record_is_not_taken_for_none(valkey_url: str, garbage: bytes) -> None:
    async def story(client: Redis) -> None:
        store = a_store(client)
        await client.set("nd:connection:zitadel", garbage)
        with pytest.raises(StoreUnavailable, match="broken"):
            await store.find("zitadel")

    _in_valkey(valkey_url, story)


@pytest.mark.parametrize("garbage", [b"{}", b"[]", b'{"secrets": [1], "directory": null}'])
def test_a_broken_record_cannot_be_encrypted_anew(valkey_url: str, garbage: bytes) -> None:
    async def story(client: Redis) -> None:
        await client.set("nd:connection:zitadel", garbage)
        with pytest.raises(StoreUnavailable, match="broken"):
            await a_store(client).reseal("zitadel")

    _in_valkey(valkey_url, story)
