"""Where IAMs call: each connection has its address, and answers as its kind of IAM expects."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher.errors import ConnectionNotFound
from dispatcher.reception import Received, Reception
from dispatcher.sources.hook import Call, Reply
from dispatcher.web import reference
from dispatcher.web.gate import RateLimits
from dispatcher.web.requests import call_of

HOOKS: Final = "/hooks/"
HOOK_BODIES: Final = {HOOKS: 1024 * 1024}
"""Bytes of a call; Okta's and Auth0's batches are the largest, some hundred KiB."""

_GREETINGS: Final = ("GET", "OPTIONS")
"""How senders ask whether we are there: Okta's challenge, CloudEvents' abuse protection."""


class Desk(Protocol):
    """Takes calls in."""

    async def take(self, request: Request) -> Response:
        """Answer a call."""
        ...


@dataclass(frozen=True, slots=True)
class HookDesk:
    """Takes calls of IAMs in.

    Args:
        reception: Makes what they bring durable.
        limits: Counts calls that prove nothing, by their addresses.
    """

    reception: Reception
    limits: RateLimits

    async def take(self, request: Request) -> Response:
        """Answer a call, once what it brings is durable.

        Raises:
            RateLimited: Too many calls from that address proved nothing.
            ConnectionNotFound: There is no such connection.
            StoreUnavailable: Nothing is known of the connection now.
        """
        caller = call_of(request)
        await self.limits.before(caller)
        try:
            received = await self._received(request)
        except ConnectionNotFound:
            await self.limits.refused(caller)
            raise
        if not received.is_proven:
            await self.limits.refused(caller)
        return _response(received.reply)

    async def _received(self, request: Request) -> Received:
        body = await request.body()
        call = Call(body, dict(request.headers), request.method)
        return await self.reception.call(request.path_params["connection"], call)


def _response(reply: Reply) -> Response:
    if reply.body is None:
        return Response(status_code=reply.status, headers=dict(reply.headers))
    return JSONResponse(dict(reply.body), reply.status, dict(reply.headers))


_CONNECTION: Final[dict[str, Any]] = {
    "name": "connection",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"},
}
_OWN_WORDS: Final[dict[str, Any]] = {"content": {"application/json": {"schema": {}}}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Taken, where that is the word for it", **_OWN_WORDS},
    202: {"description": "All that concerns us is durable"},
    204: {"description": "The same"},
    400: {"description": "It is not to be read, or not proven, in its own words", **_OWN_WORDS},
    401: {"description": "Nothing proves it", **_OWN_WORDS},
    405: {"description": reference.MEANINGS[405], **_OWN_WORDS},
    503: {"description": reference.MEANINGS[503], **_OWN_WORDS},
    **{
        status: {"model": reference.Error, "description": reference.MEANINGS[status]}
        for status in (404, 408, 413, 429, 500)
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {"*/*": {"schema": {}}}},
}


def hook_router(desk: Desk) -> APIRouter:
    """Return the routes that IAMs call."""
    router = APIRouter(prefix="/hooks", tags=["Events"])
    about = {"parameters": [_CONNECTION]}

    @router.post(
        "/{connection}",  # noqa: FAST003 - else FastAPI would answer in its own form
        response_model=None,
        status_code=202,
        responses=_ANSWERS,
        openapi_extra=about | _BODY,
    )
    async def post_hook(request: Request) -> Response:
        """Bring what happened, as the connection's kind of IAM tells it and proves it.

        The answer is the one that this kind of IAM expects; it says that all is durable.
        """
        return await desk.take(request)

    async def greet_hook(request: Request) -> Response:
        """Ask whether the connection is there, as its kind of IAM does before it sends anything."""
        return await desk.take(request)

    for method in _GREETINGS:  # one by one: each operation of the reference has an id of its own
        router.add_api_route(
            "/{connection}",
            greet_hook,
            methods=[method],
            name=f"greet_hook_by_{method.lower()}",
            response_model=None,
            responses=_ANSWERS,
            openapi_extra=about,
        )
    return router
