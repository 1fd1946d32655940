"""The looks that a process keeps: bounded in bytes, never of yesterday, and broken ones told."""

import asyncio
from dataclasses import replace

import pytest

from dispatcher.adapters.store import connect, look_record
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_correspondence import ValkeyCorrespondence
from dispatcher.adapters.store.valkey_looks import KnownLooks, ValkeyLookStore
from dispatcher.errors import StoreUnavailable
from dispatcher.look import Look

RECIPIENT = "0123456789abcdef"


async def _set(store: ValkeyLookStore, org_id: str, name: str) -> bytes:
    """Set a look; return its mark."""

    def alter(look: Look) -> Look:
        return replace(look, branding=replace(look.branding, name=name))

    await store.put(org_id, alter)
    mark = await store._client.get(look_record.mark_key(b"nd:", org_id))
    assert isinstance(mark, bytes)
    return mark


class _Counted(Readings):
    """Readings that count what was asked."""

    asked = 0

    def ask(self, *keys: bytes) -> "asyncio.Future[tuple[bytes | None, ...]]":
        self.asked += 1
        return super().ask(*keys)


def test_a_process_reads_a_look_once_and_forgets_the_one_used_longest_ago(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store, readings = ValkeyLookStore(client), _Counted(client)
            marks = {org: await _set(store, org, org) for org in ("a", "b", "c")}
            size = len(await client.get("nd:look-content:a") or b"")
            known = KnownLooks(readings, prefix=b"nd:", room=2 * size)
            for org, asked in (("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4)):
                look = await known.of(org, marks[org])
                assert look is not None
                assert (look.branding.name, readings.asked) == (org, asked)

    asyncio.run(story())


def test_a_look_larger_than_the_room_is_used_all_the_same(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeyLookStore(client)
            known = KnownLooks(Readings(client), prefix=b"nd:", room=1)
            for org in ("a", "b"):
                look = await known.of(org, await _set(store, org, org))
                assert look is not None
                assert look.branding.name == org

    asyncio.run(story())


def test_a_look_that_was_replaced_or_reset_meanwhile_is_the_one_of_now(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store, known = ValkeyLookStore(client), KnownLooks(Readings(client), prefix=b"nd:")
            first = await _set(store, "a", "First")
            await _set(store, "a", "Second")
            look = await known.of("a", first)
            assert look is not None
            assert look.branding.name == "Second"
            await _set(store, "a", "")
            assert await known.of("a", first) is None

    asyncio.run(story())


@pytest.mark.parametrize(
    ("key", "broken"),
    [
        ("nd:look:acme", b"x\t1"),
        ("nd:look-content:acme", b"not json"),
        ("nd:look-content:acme", b'{"branding": {}}'),
        ("nd:look-content:acme", b'{"branding": {}, "texts": [["a", "b", 7]]}'),
    ],
)
def test_a_look_that_cannot_be_read_is_not_taken_for_none(
    valkey_url: str, key: str, broken: bytes
) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeyLookStore(client)
            await _set(store, "acme", "Acme")
            await client.set(key, broken)
            correspondence = ValkeyCorrespondence(Readings(client), lambda _context, _sealed: "")
            with pytest.raises(StoreUnavailable, match="a look in the store is broken"):
                await correspondence.terms("acme", RECIPIENT)
            with pytest.raises(StoreUnavailable, match="a look in the store is broken"):
                await store.load("acme")

    asyncio.run(story())


def test_a_mark_without_content_counts_as_a_reset_unless_it_is_broken(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeyLookStore(client)
            await _set(store, "acme", "Acme")
            await client.delete("nd:look-content:acme")
            correspondence = ValkeyCorrespondence(Readings(client), lambda _context, _sealed: "")
            assert (await correspondence.terms("acme", RECIPIENT)).look is None
            assert await store.load("acme") is None
            await client.set("nd:look:acme", b"x\t1")
            with pytest.raises(StoreUnavailable, match="a look in the store is broken"):
                await store.load("acme")

    asyncio.run(story())


def test_what_a_newer_version_added_to_a_look_is_left_out(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeyLookStore(client)
            await _set(store, "acme", "Acme")
            newer = b'{"branding": {"name": "New", "sound": 1}, "smell": 2, "texts": [["m", "de", {"text": "T", "song": "la"}]]}'  # noqa: E501 - one record
            await client.set("nd:look-content:acme", newer)
            look = await store.load("acme")
            assert look is not None
            assert look.branding.name == "New"
            assert look.texts == {("m", "de"): {"text": "T"}}

    asyncio.run(story())
