"""Processes ask each other over sockets; who is dead or stuck keeps nobody waiting for long."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.monitoring.crew import FIGURES, VITALS, Crew
from dispatcher.adapters.monitoring.plain_http import PlainServer, Reply, fetch
from dispatcher.adapters.monitoring.vitals import Role, Vitals

Story = Callable[[], Coroutine[Any, Any, None]]


async def _echo(accept: str) -> Reply:
    return Reply(accept.encode(), "text/echo")


async def _fail(_accept: str) -> Reply:
    raise OSError("what it needs is away")


async def _vitals(_accept: str) -> Reply:
    return Reply(Vitals("one", Role.WORKER, 11).to_json())


async def _figures(_accept: str) -> Reply:
    return Reply(b"figures")


async def said(path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    writer.write_eof()
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


async def a_server(
    closing: AsyncExitStack, path: Path, answers: dict[str, Callable[[str], Any]]
) -> None:
    server = await PlainServer(answers).listen_on(path)
    closing.callback(server.close)


def test_a_path_is_answered_in_the_form_that_was_asked_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, tmp_path / "s", {"/echo": _echo})
            reply = await fetch(tmp_path / "s", "/echo", accept="text/plain;q=0.5")
            assert (reply.status, reply.media_type) == (200, "text/echo")
            assert reply.body == b"text/plain;q=0.5"
            assert (await fetch(tmp_path / "s", "/echo?name=x")).status == 200

    asyncio.run(story())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /echo HTTP/1.1\r\n\r\n", b"405"),
        (b"GET  HTTP/1.1\r\n\r\n", b"404"),
        (b"\r\n\r\n", b"405"),
        (b"\xff\x00 nonsense\r\n\r\n", b"405"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, request_: bytes, status: bytes) -> None:
    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, tmp_path / "s", {"/echo": _echo})
            assert (await said(tmp_path / "s", request_)).split(b" ")[1] == status

    asyncio.run(story())


@pytest.mark.parametrize(
    "request_", [b"", b"GET /echo", b"GET /echo HTTP/1.1\r\nX: " + b"x" * 20_000]
)
def test_who_asks_for_nothing_or_too_much_gets_nothing(tmp_path: Path, request_: bytes) -> None:
    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, tmp_path / "s", {"/echo": _echo})
            with suppress(ConnectionError):
                assert await said(tmp_path / "s", request_) == b""
            assert (await fetch(tmp_path / "s", "/echo")).status == 200

    asyncio.run(story())


def test_head_is_answered_without_a_body(tmp_path: Path) -> None:
    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, tmp_path / "s", {"/figures": _figures})
            answer = await said(tmp_path / "s", b"HEAD /figures HTTP/1.1\r\n\r\n")
            assert b"Content-Length: 7\r\n" in answer
            assert answer.endswith(b"\r\n\r\n")

    asyncio.run(story())


def test_an_answer_that_fails_is_no_answer_and_the_next_is_given(tmp_path: Path) -> None:
    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, tmp_path / "s", {"/fail": _fail, "/echo": _echo})
            with pytest.raises(ConnectionError):
                await fetch(tmp_path / "s", "/fail")
            assert (await fetch(tmp_path / "s", "/echo")).status == 200

    asyncio.run(story())


def test_a_crew_is_who_listens(tmp_path: Path) -> None:
    """Of the dead and of sockets that were never there nothing is told; the stuck are named."""
    paths = [tmp_path / f"{name}.sock" for name in ("one", "dead", "gone", "stuck", "other")]
    now = [100.0]

    async def another_version(_accept: str) -> Reply:
        return Reply(b'{"what": "is this"}')

    async def story() -> None:
        async with AsyncExitStack() as closing:
            await a_server(closing, paths[0], {VITALS: _vitals, FIGURES: _figures})
            await a_server(closing, paths[4], {VITALS: another_version})
            with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as stuck:
                dead.bind(str(paths[1]))
                stuck.bind(str(paths[3]))
                stuck.listen()
                crew = Crew(lambda: paths, within=0.1, now=lambda: now[0])
                told = {each.process: each for each in await crew.vitals()}
                assert told.keys() == {"one", "stuck", "other"}
                assert told["one"] == Vitals("one", Role.WORKER, 11)
                assert (told["stuck"].alive, told["stuck"].ready) == (True, False)
                assert (told["other"].alive, told["other"].ready) == (True, True)
                now[0] += 11.0
                (stuck_one,) = [each for each in await crew.vitals() if each.process == "stuck"]
                assert (stuck_one.alive, stuck_one.reason) == (
                    False,
                    "its event loop has not answered for 11 s",
                )
                assert await crew.figures("") == [b"figures"]

    asyncio.run(story())
