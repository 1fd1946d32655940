"""The API's calls over gRPC-Web: for browsers, on the HTTP port."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dispatcher.errors import DispatcherError
from dispatcher.status import Code
from dispatcher.web.errors import HttpError, wrong_method
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_frames import (
    from_text,
    read_message,
    read_timeout,
    to_text,
    write_reply,
)
from dispatcher.web.grpc_methods import SERVICES
from dispatcher.web.grpc_status import Status
from dispatcher.web.requests import call_of

_BINARY: Final = "application/grpc-web"
_TEXT: Final = "application/grpc-web-text"
_TYPES: Final = frozenset({_BINARY, f"{_BINARY}+proto", _TEXT, f"{_TEXT}+proto"})

_TOLD: Final = ("grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after")
"""What a page of another origin may read of an answer's headers."""

_PREFLIGHT_FOR: Final = 7_200
"""Seconds that a browser need not ask again; none keeps it for longer."""


class GrpcWeb:
    """Answers calls that come over gRPC-Web.

    Args:
        calls: The calls.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call.

        Raises:
            HttpError: It is no call of gRPC-Web.
        """
        request = Request(scope, receive)
        if request.method != "POST":
            raise wrong_method("POST")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise _not_grpc_web()
        try:
            body = await self._reply(request, is_text=kind.startswith(_TEXT))
        except ClientDisconnect:
            return
        # Whatever came of the call, HTTP worked.
        headers = {"grpc-accept-encoding": "identity"}
        await Response(body, media_type=kind, headers=headers)(scope, receive, send)

    async def _reply(self, request: Request, *, is_text: bool) -> bytes:
        try:
            body = await request.body()
            message = read_message(from_text(body) if is_text else body)
            patience = read_timeout(request.headers.get("grpc-timeout"))
            reply = write_reply(*await self._answer(request, message, patience))
        except DispatcherError as error:
            reply = write_reply(b"", self._calls.status_of(error))
        return to_text(reply) if is_text else reply

    async def _answer(
        self, request: Request, message: bytes, patience: float | None
    ) -> tuple[bytes, Status]:
        """Answer, unless the client leaves: nobody would read the answer then."""
        path = request.url.path
        answer = asyncio.ensure_future(
            self._calls.answer(path, message, call_of(request), patience=patience)
        )
        leaving = asyncio.ensure_future(_left(request.receive))
        try:
            await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise ClientDisconnect
        finally:
            answer.cancel()
            leaving.cancel()


def cross_origin(origins: Sequence[str], methods: Sequence[str]) -> dict[str, Any]:
    """Return what lets pages of other origins call from a browser.

    No tokens are at stake: there are no cookies and credentials are not allowed, so a page can
    only send a token that it has.

    Args:
        origins: Whose pages, such as ``https://console.acme.example``; ``*`` for everybody's.
        methods: HTTP methods.
    """
    return {
        "allow_origins": origins,
        "allow_methods": methods,
        "allow_headers": ["*"],
        "expose_headers": _TOLD,
        "max_age": _PREFLIGHT_FOR,
    }


def routes(calls: Calls, origins: Sequence[str]) -> list[Route]:
    """Return the routes of the API's services.

    Args:
        calls: Answers them.
        origins: Whose pages may call; anybody's where none is named, as the mirrored API has it.
    """
    app = CORSMiddleware(GrpcWeb(calls), **cross_origin(origins or ("*",), ("POST",)))
    return [Route(f"/{name}/{{method}}", app, include_in_schema=False) for name in SERVICES]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _not_grpc_web() -> HttpError:
    return HttpError(
        "this path speaks gRPC-Web: application/grpc-web or application/grpc-web-text",
        status=415,
        code=Code.INVALID_ARGUMENT,
        headers={"accept": ", ".join(sorted(_TYPES))},
    )
