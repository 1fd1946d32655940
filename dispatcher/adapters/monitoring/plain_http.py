"""As much HTTP as probes and scrapers need: GET, a few paths, one request per connection.

A worker has no web framework in its memory, and this needs none. It runs on the event loop that
does the work: that it answers at all says that the loop turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

_HEAD_BYTES: Final = 8 * 1024
_HEAD_TIME: Final = 5.0
_ANSWER_TIME: Final = 10.0
_CONNECTIONS: Final = 64
_LARGEST_REPLY: Final = 64 * 1024 * 1024
_END: Final = b"\r\n\r\n"
_PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Args:
        body: What is said.
        media_type: In which form.
        status: The HTTP status.
    """

    body: bytes
    media_type: str = _PLAIN
    status: int = HTTPStatus.OK


Answer = Callable[[str], Awaitable[Reply]]
"""Answers one path, given the request's ``Accept`` header."""


@dataclass(slots=True)
class PlainServer:
    """Answers what is asked for by path.

    Args:
        answers: Path → what answers there.
    """

    answers: Mapping[str, Answer]
    _open: int = field(default=0, init=False)

    async def listen_at(self, host: str, port: int) -> asyncio.Server:
        """Answer at an address, which must be nobody else's.

        Raises:
            OSError: It is taken, or none of this machine's.
        """
        return await asyncio.start_server(
            self._converse, host, port, limit=_HEAD_BYTES, reuse_port=False
        )

    async def listen_on(self, path: Path) -> asyncio.Server:
        """Answer on a unix socket.

        Raises:
            OSError: It cannot be made.
        """
        return await asyncio.start_unix_server(self._converse, path, limit=_HEAD_BYTES)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _CONNECTIONS:
                writer.write(await self._reply_to(reader))
                async with asyncio.timeout(_ANSWER_TIME):
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()  # whoever asks so gets no answer
        finally:
            self._open -= 1
            writer.close()

    async def _reply_to(self, reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(_HEAD_TIME):
            head = await reader.readuntil(_END)
        line, *fields = head[: -len(_END)].decode("latin-1").split("\r\n")
        method, _, target = line.partition(" ")
        path = target.partition(" ")[0].partition("?")[0]
        answer = self.answers.get(path)
        if method not in {"GET", "HEAD"}:
            reply = Reply(b"only GET is answered\n", status=HTTPStatus.METHOD_NOT_ALLOWED)
        elif answer is None:
            paths = ", ".join(self.answers)
            reply = Reply(f"there are: {paths}\n".encode(), status=HTTPStatus.NOT_FOUND)
        else:
            async with asyncio.timeout(_ANSWER_TIME):
                reply = await answer(_field(fields, "accept"))
        return _written(reply, with_body=method != "HEAD")


async def fetch(socket: Path, path: str, *, accept: str = "", within: float = 1.0) -> Reply:
    """Return what a process answers on its unix socket.

    Args:
        socket: Where it listens.
        path: What is asked for.
        accept: The ``Accept`` header to send.
        within: Seconds that all of it may take.

    Raises:
        ConnectionError: Nobody listens there.
        TimeoutError: Somebody does, and does not answer in time.
    """
    async with asyncio.timeout(within):
        try:
            reader, writer = await asyncio.open_unix_connection(socket)
        except OSError as error:
            raise ConnectionRefusedError(f"nobody listens at {socket.name}") from error
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: process\r\nAccept: {accept}\r\n\r\n"
            writer.write(request.encode("latin-1", "replace"))
            text = await reader.read(_LARGEST_REPLY)
            while more := await reader.read(_LARGEST_REPLY):
                text += more
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return _read(text)


def _written(reply: Reply, *, with_body: bool) -> bytes:
    status = HTTPStatus(reply.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {reply.media_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (reply.body if with_body else b"")


def _read(text: bytes) -> Reply:
    head, _, body = text.partition(_END)
    line, *fields = head.decode("latin-1").split("\r\n")
    status = line.split(" ")[1:2]
    if not status or not status[0].isdecimal():
        raise ConnectionResetError("the process went away while it answered")
    return Reply(body, _field(fields, "content-type"), int(status[0]))


def _field(fields: list[str], name: str) -> str:
    """Return a header field's value; several of one name are one list (RFC 9110 section 5.3)."""
    pairs = (line.partition(":") for line in fields)
    return ", ".join(value.strip() for key, _, value in pairs if key.strip().lower() == name)
