"""The line to Valkey: everybody gets their own replies, and every break is told of and mended."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LineBroken
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as LineSilent

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.line import Line, line_of
from tests.integration.broker.proxy import proxy
from tests.smtp_server.certificates import self_made_certificate

Story = Callable[[Redis, Line], Awaitable[None]]


@asynccontextmanager
async def a_line(url: str) -> AsyncIterator[tuple[Redis, Line]]:
    async with connect(url) as client:
        yield client, line_of(client)


def on_a_line(story: Story) -> Callable[[str], None]:
    @wraps(story)
    def test(valkey_url: str) -> None:
        async def play() -> None:
            async with a_line(valkey_url) as (client, line):
                await story(client, line)

        asyncio.run(play())

    del test.__wrapped__  # pytest would take the line for a fixture
    return test


async def held(client: Redis) -> int:
    """Return how many clients the server has, apart from who asks."""
    return len(await client.client_list()) - 1


@on_a_line
async def test_a_client_has_one_line(client: Redis, line: Line) -> None:
    assert line_of(client) is line


@on_a_line
async def test_everybody_gets_their_own_replies_over_one_connection(
    client: Redis, line: Line
) -> None:
    async def own(number: int) -> bool:
        told = await line.ask(("ECHO", number), ("ECHO", f"{number}!"))
        return told == [b"%d" % number, b"%d!" % number]

    assert all(await asyncio.gather(*map(own, range(500))))
    assert await held(client) == 1


@on_a_line
async def test_a_refusal_is_an_error_of_redis_py_and_the_other_commands_are_carried_out(
    client: Redis, line: Line
) -> None:
    with pytest.raises(ResponseError, match="unknown command"):
        await line.ask(("SET", "a", "1"), ("NONSENSE",), ("SET", "b", "2"))
    with pytest.raises(NoScriptError):
        await line.ask(("EVALSHA", "0" * 40, 0))

    assert await line.ask(("MGET", "a", "b")) == [[b"1", b"2"]]
    assert await held(client) == 1


@on_a_line
async def test_a_refusal_within_a_reply_is_a_value(client: Redis, line: Line) -> None:
    (reply,) = await line.ask(("EVAL", "return {1, redis.error_reply('ERR told')}", 0))

    assert reply[0] == 1
    assert isinstance(reply[1], ResponseError)
    assert await held(client) == 1


@on_a_line
async def test_who_no_longer_waits_leaves_everybody_elses_replies_where_they_belong(
    client: Redis, line: Line
) -> None:
    await line.ask(("PING",))
    gone = asyncio.create_task(line.ask(("ECHO", "gone")))
    here = asyncio.create_task(line.ask(("ECHO", "here")))
    await asyncio.sleep(0)
    gone.cancel()

    assert await here == [b"here"]
    assert await held(client) == 1


@on_a_line
async def test_a_break_is_told_to_everybody_who_waits_and_the_next_opens_anew(
    client: Redis, line: Line
) -> None:
    for _ in range(3):
        (me,) = await line.ask(("CLIENT", "ID"))
        waiting = [asyncio.create_task(line.ask(("BLPOP", "nothing", 0))) for _ in range(3)]
        await asyncio.sleep(0)
        await client.client_kill_filter(_id=me)
        for each in waiting:
            with pytest.raises(LineBroken):
                await each
        assert await line.ask(("ECHO", "again")) == [b"again"]

    assert await held(client) == 1


@on_a_line
async def test_many_who_find_it_broken_open_it_once(client: Redis, line: Line) -> None:
    assert await asyncio.gather(*[line.ask(("ECHO", "a")) for _ in range(50)]) == [[b"a"]] * 50
    assert await held(client) == 1


@on_a_line
async def test_a_push_of_the_server_is_nobodys_reply(client: Redis, line: Line) -> None:
    await line.ask(("CLIENT", "TRACKING", "ON", "BCAST"))
    await client.set("a", "1")

    assert await line.ask(("GET", "a"), ("ECHO", "mine")) == [b"1", b"mine"]


def test_a_server_that_does_not_answer_is_given_up_in_time(valkey_url: str) -> None:
    async def story() -> None:
        async with Redis.from_url(valkey_url, socket_timeout=0.1) as client:
            line = line_of(client)
            await line.ask(("PING",))
            with pytest.raises(LineSilent):
                await line.ask(("BLPOP", "nothing", 0))
            assert await line.ask(("ECHO", "again")) == [b"again"]

    asyncio.run(story())


def test_one_who_was_answered_late_is_not_mistaken_for_silence(valkey_url: str) -> None:
    async def story() -> None:
        async with Redis.from_url(valkey_url, socket_timeout=0.5) as client:
            line = line_of(client)
            for _ in range(6):
                assert await line.ask(("BLPOP", "nothing", "0.1")) == [None]

    asyncio.run(story())


def test_a_server_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_line(f"unix://{tmp_path / 'nobody.sock'}") as (_, line):
            for _ in range(2):
                with pytest.raises(RedisError):
                    await line.ask(("PING",))

    asyncio.run(story())


def test_closing_the_client_closes_the_line_and_tells_who_waits(valkey_url: str) -> None:
    async def story() -> None:
        async with a_line(valkey_url) as (_, line):
            await line.ask(("PING",))
            waiting = asyncio.create_task(line.ask(("BLPOP", "nothing", 0)))
            await asyncio.sleep(0)
        with pytest.raises(LineBroken):
            await waiting

    asyncio.run(story())
    gc.collect()  # what was left open would warn now, and a warning is an error


def test_large_replies_come_whole_over_tls(valkey_url: str, tmp_path: Path) -> None:
    certificate = self_made_certificate(tmp_path)
    target = valkey_url.removeprefix("unix://")

    async def story(url: str) -> None:
        async with a_line(url) as (_, line):
            for size in (1, 40_000, 300_000):
                assert await line.ask(("ECHO", "x" * size), ("PING",)) == [b"x" * size, b"PONG"]

    with proxy(target, certificate.server_context()) as secure:
        url = f"rediss://127.0.0.1:{secure.port}/0?ssl_ca_certs={certificate.cert}"
        asyncio.run(story(url))
