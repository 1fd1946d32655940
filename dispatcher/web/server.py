"""The HTTP server: uvicorn, with a limit to how long and how large a request's head may be."""

import asyncio
import json
import logging
import re
from asyncio import TimerHandle
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from httptools import HttpRequestParser
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dispatcher.status import Code
from dispatcher.web.corked import Corked

_HEAD_TIME: Final = 10.0
"""Seconds in which a connection's next head must have come once it began, or the first one."""

_LARGEST_HEAD: Final = 32_768
_END: Final = b"\r\n\r\n"
_UPGRADE: Final = re.compile(rb"\r\n(upgrade:)", re.IGNORECASE)
_CUT: Final = re.compile(rb"\r(\n(\r|u(p(g(r(a(de?)?)?)?)?)?)?)?\Z", re.IGNORECASE)
"""What the network may have cut off of that header's name, or of the head's end."""

_KEEP_ALIVE: Final = 30
"""Seconds; longer than a load balancer's pause between two health checks."""


class PatientProtocol(HttpToolsProtocol):
    """Waits for a request's head, but not for ever: uvicorn itself would (slowloris)."""

    _awaited: TimerHandle | None = None
    _draining: TimerHandle | None = None
    _head_size = 0
    _held = b""
    _is_whole = True
    _last_word = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to wait for the first head."""
        super().connection_made(Corked(transport, self.loop))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_draining()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; of a head only so much."""
        if self._is_idle() and self._awaited is None:
            self._await_head()
        if self._awaited is None:
            super().data_received(data)
            return
        head, end, rest = (self._held + data).partition(_END)
        self._head_size += len(head) - len(self._held)
        if self._head_size > _LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
            return
        cut = None if end else _CUT.search(head)
        head, self._held = (head[: cut.start()], head[cut.start() :]) if cut else (head, b"")
        super().data_received(_without_upgrade(head) + end + rest)

    def on_headers_complete(self) -> None:
        """Stop waiting: the head is there."""
        self._stop_waiting()
        self._is_whole = False
        _check(self.parser, self.headers)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Know that what comes next is a head again."""
        self._is_whole = True
        self._stop_draining()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the rest of a body that nobody wanted, but not for ever."""
        super().on_response_complete()
        if not self._is_whole:
            self._draining = self.loop.call_later(_HEAD_TIME, self.transport.close)
        elif self._last_word and self._is_idle():
            self._say_last(self._last_word)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of every other error."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self._is_whole and (cycle is None or cycle.response_complete)

    def _await_head(self) -> None:
        self._head_size, self._held = 0, b""
        self._awaited = self.loop.call_later(_HEAD_TIME, self._give_up)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _stop_draining(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None

    def _give_up(self) -> None:
        self._awaited = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer for the last time; what was asked before, and is whole, is answered before."""
        self._stop_waiting()
        code = int(Code.INVALID_ARGUMENT)
        body = json.dumps({"code": code, "message": reason, "details": []}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        word = head.encode() + body
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            self._say_last(word)
        else:
            self._last_word, self._is_whole = word, True

    def _say_last(self, word: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(word)
            self.transport.close()


def _check(parser: HttpRequestParser, headers: list[tuple[bytes, bytes]]) -> None:
    """Raise ValueError for a head that means nothing, or means two things."""
    if parser.should_upgrade():
        # The parser takes the body for the other protocol: without it, a request means another.
        raise ValueError("no other protocol is spoken here")
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or (hosts == 0 and parser.get_http_version() == "1.1"):
        raise ValueError("one host, RFC 9112 section 3.2")


def _without_upgrade(head: bytes) -> bytes:
    """Return a piece of a head that asks for no other protocol.

    Java's client asks for HTTP/2 with every request (RFC 7540 section 3.2). A server may
    ignore that (RFC 9110 section 7.8), but the parser takes what follows for the other protocol
    and not for the body.
    """
    return _UPGRADE.sub(rb"\r\nx-\1", head)


class Server(uvicorn.Server):
    """Uvicorn, stopped by whoever started it: signals are their business."""

    def __init__(self, app: ASGIApp, *, grace: float) -> None:
        config: dict[str, Any] = {
            "http": PatientProtocol,
            "ws": "none",
            "lifespan": "off",
            "access_log": False,
            "log_config": None,
            "log_level": logging.ERROR,  # what strangers send is no news
            "server_header": False,
            "proxy_headers": False,
            "timeout_keep_alive": _KEEP_ALIVE,
            "timeout_graceful_shutdown": round(grace),
        }
        super().__init__(uvicorn.Config(app, **config))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def stop(self) -> None:
        """Take nothing new, and end once what is in flight is answered."""
        self.should_exit = True
