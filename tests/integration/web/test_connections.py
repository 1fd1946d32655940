"""What happens on one connection: upgrades, pipelines, bodies that nobody waits for."""

import asyncio
import re
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from dispatcher.policy import Manner
from dispatcher.web import server
from dispatcher.web.intake import Bounds
from tests.contract.policy_api.installation import Installation
from tests.integration.web.conversation import HEAD, OWNER, POLICY, play, say

BODY = b'{"passwordChange": true}'
LAST = b"connection: close\r\n"
H2C = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
)


def a_put(*, extra: bytes = b"", body: bytes = BODY) -> bytes:
    return HEAD + extra + b"content-length: %d\r\n\r\n" % len(body) + body


def a_get(*, extra: bytes = b"") -> bytes:
    return b"GET" + HEAD.removeprefix(b"PUT") + extra + b"\r\n"


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 ([1-5]\d\d) ", answer)]


async def is_on(http: httpx.AsyncClient) -> bool:
    policy = (await http.get(POLICY, headers=OWNER)).json()["policy"]
    return bool(policy.get("passwordChange", False))


def cut(request: bytes) -> list[list[bytes]]:
    """Return ways in which a network may cut a request that asks for an upgrade."""
    ways = [[request], [request[i : i + 1] for i in range(len(request))]]
    name = request.index(b"\r\nUpgrade")
    ways += [[request[:at], request[at:]] for at in range(name, name + 11)]
    return [*ways, [request[: -len(BODY)], BODY]]


@pytest.mark.parametrize("manner", Manner)
def test_an_upgrade_that_is_asked_for_costs_no_body_however_it_comes(manner: Manner) -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        for pieces in cut(a_put(extra=H2C)):
            await http.delete(POLICY, headers=OWNER)
            await http.post(POLICY, headers=OWNER, content='{"passwordChange": false}')
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # so that each piece is one of its own
            writer.write(a_get(extra=LAST))
            assert statuses(await reader.read()) == [200, 200], pieces
            writer.close()
            assert await is_on(http), pieces

    play(story, manner=manner)


def test_an_upgrade_in_a_pipeline_switches_nothing_off() -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        await http.post(POLICY, headers=OWNER, content=BODY)
        assert statuses(await say(port, a_get() + a_put(extra=H2C))) == [200, 400]
        assert await is_on(http)

    play(story, manner=Manner.ZITADEL)


def test_what_was_asked_before_nonsense_is_answered_before_it() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        answer = await say(port, a_put() + a_get() + b"nonsense\r\n\r\n")
        assert statuses(answer) == [200, 200, 400]

    play(story)


def test_nonsense_within_a_body_is_answered_at_once() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        chunked = HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"
        assert statuses(await say(port, chunked)) == [400]

    play(story)


def test_a_body_that_comes_after_its_answer_is_read_and_the_connection_goes_on() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        size = 60_000
        head = f"PUT {POLICY} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n"
        writer.write(head.encode())
        refused = await reader.readuntil(b"\r\n\r\n")
        assert statuses(refused) == [401]
        for _piece in range(size // 1_000):
            writer.write(b"\r\nupgrade: x" + b"a" * 988)
            await writer.drain()
        writer.write(a_get(extra=LAST))
        assert statuses(await reader.read()) == [404]
        writer.close()

    play(story)


def test_a_body_that_never_comes_after_its_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        head = f"PUT {POLICY} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"
        assert statuses(await say(port, head.encode(), b"1")) == [401]

    monkeypatch.setattr(server, "_HEAD_TIME", 0.2)
    play(story)


def test_a_head_that_is_too_large_is_refused_even_if_it_comes_at_once() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        assert statuses(await say(port, a_get(extra=b"x: " + b"a" * 40_000 + b"\r\n"))) == [431]

    play(story)


@pytest.mark.parametrize("hosts", [b"", b"host: a\r\nhost: b\r\n"])
def test_a_request_for_no_host_or_for_two_is_refused(hosts: bytes) -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        request = a_get(extra=LAST).replace(b"host: x\r\n", hosts)
        assert statuses(await say(port, request)) == [400]

    play(story)


def test_a_client_that_leaves_before_its_body_has_come_is_no_fault_of_ours() -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 10\r\nexpect: 100-continue\r\n\r\n")
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [100]
        writer.close()
        assert (await http.get("/healthz")).status_code == 200

    with capture_logs() as lines:
        play(story, manner=Manner.ZITADEL)
    assert [line["status"] for line in lines if line["log_level"] != "debug"] == [499]


def test_clients_that_send_no_body_keep_nobody_from_being_answered() -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in slow:
            writer.write(HEAD + b"content-length: 24\r\nexpect: 100-continue\r\n\r\n")
            assert statuses(await reader.readuntil(b"\r\n\r\n")) == [100]
        assert (await http.put(POLICY, headers=OWNER, content=BODY)).status_code == 200
        for _, writer in slow:
            writer.close()

    play(story, replace(Installation(Manner.SETTING).desks(), bounds=Bounds(in_flight=1)))


def test_bodies_take_no_more_room_than_there_is() -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = HEAD + b"content-length: 3000\r\nexpect: 100-continue\r\n\r\n"
        writer.write(head)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b" " * 2_000)
        large = BODY + b" " * 1_000

        async def is_full() -> bool:
            reply = await http.put(POLICY, headers=OWNER, content=large)
            return (reply.status_code, reply.headers.get("retry-after")) == (503, "1")

        async with asyncio.timeout(10):
            while not await is_full():
                continue
        assert (await http.put(POLICY, headers=OWNER, content=BODY)).status_code == 200
        writer.write(BODY + b" " * (1_000 - len(BODY)) + a_get(extra=LAST))
        assert statuses(await reader.read()) == [200, 200]
        writer.close()
        assert (await http.put(POLICY, headers=OWNER, content=large)).status_code == 200

    play(story, replace(Installation(Manner.SETTING).desks(), bounds=Bounds(held=3_020)))
