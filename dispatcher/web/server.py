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
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dispatcher.status import Code

_HEAD_TIME: Final = 10.0
"""Seconds in which a connection's next head must have come once it began, or the first one."""

_LARGEST_HEAD: Final = 32_768
_UPGRADE: Final = re.compile(rb"\r\n(upgrade:)", re.IGNORECASE)
_KEEP_ALIVE: Final = 30
"""Seconds; longer than a load balancer's pause between two health checks."""


class PatientProtocol(HttpToolsProtocol):
    """Waits for a request's head, but not for ever: uvicorn itself would (slowloris)."""

    _awaited: TimerHandle | None = None
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; of a head only so much."""
        if self._is_idle() and self._awaited is None:
            self._await_head()
        if self._awaited is not None:
            self._head_size += len(data)
            data = _without_upgrade(data)
        super().data_received(data)
        # What came may have held the rest of the head and a body besides: then nothing is awaited.
        if self._awaited is not None and self._head_size > _LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")

    def on_headers_complete(self) -> None:
        """Stop waiting: the head is there."""
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of every other error."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _await_head(self) -> None:
        self._head_size = 0
        self._awaited = self.loop.call_later(_HEAD_TIME, self._give_up)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _give_up(self) -> None:
        self._awaited = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        code = int(Code.INVALID_ARGUMENT)
        body = json.dumps({"code": code, "message": reason, "details": []}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """Return a piece of a head that asks for no other protocol.

    Java's client asks for HTTP/2 with every request (RFC 7540 section 3.2). A server may
    ignore that (RFC 9110 section 7.8), but the parser takes what follows for the other protocol
    and not for the body.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if _UPGRADE.search(head) is None:
        return data
    return _UPGRADE.sub(rb"\r\nx-\1", head) + end + rest


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
