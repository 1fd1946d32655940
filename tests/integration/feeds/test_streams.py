"""Streams of a real Valkey: each entry is acknowledged once it is taken, and by nobody else."""

import asyncio
from typing import Any

import pytest
from redis import Redis

from dispatcher.adapters.feeds.streams import StreamFeed
from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable
from tests.integration.feeds.takes import Taker, running, until

STREAM, GROUP = "iam:events", "dispatcher"


def a_connection(url: str, **options: str) -> Connection:
    return Connection("queue", "token", options={"stream_url": url, "stream": STREAM} | options)


def pending(url: str) -> int:
    with Redis.from_url(url) as client:
        found: Any = client.xpending(STREAM, GROUP)
        return int(found["pending"])


def consumers(url: str) -> int:
    with Redis.from_url(url) as client:
        found: Any = client.xinfo_consumers(STREAM, GROUP)
        return len(found)


def add(url: str, *events: bytes, **fields: str) -> None:
    with Redis.from_url(url) as client:
        for event in events:
            client.xadd(STREAM, {"event": event, **fields})


def test_entries_are_taken_and_acknowledged_even_those_from_before(url: str) -> None:
    async def story() -> None:
        taker = Taker()
        add(url, b"before")
        async with running(StreamFeed(a_connection(url)), taker):
            await until(lambda: taker.contents == [b"before"], "what was there")
            add(url, b"after", **{"Content-Type": "application/cloudevents+json"})
            await until(lambda: len(taker.calls) == 2, "what came")
        assert taker.calls[1].header("content-type") == "application/cloudevents+json"

    asyncio.run(story())
    assert pending(url) == 0
    assert consumers(url) == 0  # who leaves in order leaves nothing behind


def test_nothing_is_acknowledged_before_it_is_durable(url: str) -> None:
    async def story() -> None:
        taker = Taker()
        taker.is_open.clear()
        add(url, b"one")
        async with running(StreamFeed(a_connection(url)), taker):
            await until(lambda: taker.waiting, "it is on its way")
            assert pending(url) == 1
            taker.is_open.set()
            await until(lambda: pending(url) == 0, "it is acknowledged")

    asyncio.run(story())


def test_what_cannot_be_read_keeps_nothing_else_away(url: str) -> None:
    async def story() -> None:
        taker = Taker()
        add(url, b"poison", b"one")
        async with running(StreamFeed(a_connection(url)), taker):
            await until(lambda: taker.contents == [b"one"], "what can be read")
            await until(lambda: pending(url) == 0, "both are acknowledged")

    asyncio.run(story())


def test_workers_share_a_stream(url: str) -> None:
    async def story() -> None:
        takers = Taker(), Taker()
        async with (
            running(StreamFeed(a_connection(url)), takers[0]),
            running(StreamFeed(a_connection(url)), takers[1]),
        ):
            add(url, *(str(number).encode() for number in range(300)))
            await until(lambda: sum(len(each.calls) for each in takers) >= 300, "all are taken")
        both = [content for each in takers for content in each.contents]
        assert len(both) == len(set(both)) == 300

    asyncio.run(story())
    assert pending(url) == 0


def test_what_a_dead_worker_took_is_taken_by_another(url: str) -> None:
    add(url, b"one")
    with Redis.from_url(url) as client:
        client.xgroup_create(STREAM, GROUP, "0")
        client.xreadgroup(GROUP, "dead", {STREAM: ">"})

    async def story() -> None:
        taker = Taker()
        async with running(StreamFeed(a_connection(url), dead=0.2), taker):
            await until(lambda: taker.contents == [b"one"], "it is taken over")
            await until(lambda: pending(url) == 0, "it is acknowledged")

    asyncio.run(story())


def test_an_entry_that_was_trimmed_away_holds_up_nothing(url: str) -> None:
    add(url, b"gone")
    with Redis.from_url(url) as client:
        client.xgroup_create(STREAM, GROUP, "0")
        client.xreadgroup(GROUP, "dead", {STREAM: ">"})
        client.xtrim(STREAM, maxlen=0, approximate=False)
    add(url, b"one")

    async def story() -> None:
        taker = Taker()
        async with running(StreamFeed(a_connection(url), dead=0.1), taker):
            await until(lambda: taker.contents == [b"one"], "the other one")
            await until(lambda: pending(url) == 0, "nothing is left over")

    asyncio.run(story())


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    connection = Connection(
        "queue",
        "token",
        secrets=("hunter2",),
        options={"stream_url": "unix:///nowhere/valkey.sock", "stream": STREAM},
    )
    with pytest.raises(FeedUnavailable) as raised:
        asyncio.run(StreamFeed(connection).run(Taker().take, asyncio.Event()))
    assert "hunter2" not in str(raised.value)
