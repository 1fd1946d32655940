"""The native ingress: events over HTTP, answered once they are durable."""

from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher.access import Caller, Permission
from dispatcher.errors import AccessError, DispatcherError, MalformedEvent
from dispatcher.events import Event
from dispatcher.ingest import Ingest, Taken
from dispatcher.sources.own_format import MOST_EVENTS
from dispatcher.status import code_of
from dispatcher.triggers import discover
from dispatcher.web import reference
from dispatcher.web.event_body import LARGEST_BODY, Brought, read
from dispatcher.web.gate import Gate
from dispatcher.web.patience import StorePatience
from dispatcher.web.requests import call_of, caller_of
from dispatcher.web.signatures import Signatures
from dispatcher.web.tally import Tally

EVENTS: Final = "/v1/events"
_PATIENCE: Final = 1.0
_PATIENCE_PER_EVENT: Final = 0.003
"""Seconds; who sends webhooks waits two to five for an answer, who sends a list a little longer."""

BODIES: Final = {EVENTS: LARGEST_BODY}
"""How large a body may be there."""


class Rejected(BaseModel):
    """An event of a list that was not taken."""

    index: int
    code: int
    message: str


class Accepted(BaseModel):
    """What became of the events: each is durable, known already, or rejected."""

    accepted: int
    duplicates: int
    rejected: list[Rejected] = []


@dataclass(frozen=True, slots=True)
class EventDesk:
    """Takes events in.

    Args:
        ingest: Makes them durable.
        gate: Knows callers by their tokens.
        signatures: Knows them by their signatures.
        tally: Is told what became of what they brought.
    """

    ingest: Ingest
    gate: Gate
    signatures: Signatures
    tally: Tally

    async def take(self, request: Request) -> Response:
        """Answer with what became of the events."""
        try:
            return await self._take(request)
        except DispatcherError as error:
            self.tally.failed(error)
            raise

    async def _take(self, request: Request) -> Response:
        caller = await self._caller(request)
        brought = read(request.headers.items(), await request.body())
        wanted, rejected = _sorted(brought, caller)
        if not wanted and not brought.is_list:
            raise _told(rejected[0][1])
        async with StorePatience(_PATIENCE + _PATIENCE_PER_EVENT * len(wanted)):
            taken = await self.ingest.take(wanted)
        self.tally.took(taken, [error for _, error in rejected])
        return _answer(taken, [_rejection(*each) for each in rejected])

    async def _caller(self, request: Request) -> Caller:
        if "authorization" not in request.headers and self.signatures.is_signed(request.headers):
            body = await request.body()

            async def signer() -> Caller:
                return self.signatures.caller(request.headers, body)

            return await self.gate.let_in(call_of(request), signer)
        return await caller_of(request, self.gate)


def _sorted(
    brought: Brought, caller: Caller
) -> tuple[list[Event], list[tuple[int, DispatcherError]]]:
    """Return the events that the caller may bring, and why not the others."""
    wanted: list[Event] = []
    rejected: list[tuple[int, DispatcherError]] = []
    for index, event in enumerate(brought.events):
        if isinstance(event, MalformedEvent):
            rejected.append((index, event))
            continue
        try:
            caller.organization(event.org_id, Permission.EVENT_WRITE)
        except AccessError as error:
            rejected.append((index, error))
        else:
            wanted.append(event)
    return wanted, rejected


def _told(error: DispatcherError) -> DispatcherError:
    return error if error.id else MalformedEvent(str(error), id="EVENT-malformed")


def _rejection(index: int, error: DispatcherError) -> Rejected:
    return Rejected(index=index, code=int(code_of(error)), message=str(error))


def _answer(taken: Taken, rejected: list[Rejected]) -> Response:
    body: dict[str, Any] = {"accepted": taken.accepted, "duplicates": taken.duplicates}
    if rejected:
        body["rejected"] = [each.model_dump() for each in rejected]
    if rejected and not (taken.accepted or taken.duplicates):
        failed = {"code": rejected[0].code, "message": "no event was taken", "details": []}
        return JSONResponse(failed | body, 400)
    return JSONResponse(body, 202)


_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "org_id", "user", "occurred_at"],
    "properties": {
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9._:/+=@-]{1,128}$"},
        "org_id": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "user": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "email": {"type": "string"}},
        },
        "change": {"enum": ["change", "reset", "admin_reset", "temporary", "unknown"]},
        "actor": {"type": "object"},
        "context": {"type": "object"},
        "source": {"type": "string"},
        "type": {"enum": sorted(discover().types)},
    },
    "example": {
        "id": "evt-1",
        "org_id": "acme",
        "occurred_at": "2026-11-24T09:30:00Z",
        "user": {"id": "u-1", "email": "ada@example.org"},
        "change": "change",
    },
}
_CLOUD_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {"specversion": {"const": "1.0"}, "data": {"type": "object"}},
}


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": MOST_EVENTS, "items": item}


_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": [_EVENT, _list_of(_EVENT)]}},
            "application/cloudevents+json": {"schema": _CLOUD_EVENT},
            "application/cloudevents-batch+json": {"schema": _list_of(_CLOUD_EVENT)},
        },
    }
}
_FAILURES: Final = reference.answers(Accepted, (*reference.WRITER, 415))
_ANSWERS: Final = {202: {"model": Accepted, "description": "Durable"}} | {
    status: told
    for status, told in _FAILURES.items()
    if status != 200  # noqa: PLR2004 - it is 202 here
}


def event_router(desk: EventDesk) -> APIRouter:
    """Return the route that events come in by."""
    router = APIRouter(tags=["Events"])

    @router.post(
        EVENTS,
        status_code=202,
        response_model=None,
        responses=_ANSWERS,
        openapi_extra=reference.about(reference.SECURED, _BODY),
    )
    async def post_events(request: Request) -> Response:
        """Bring one event, a list of them, or CloudEvents; the answer says that they are durable.

        An id that its organization has used is a duplicate, and causes no further mail.
        Instead of a token, a Standard Webhooks signature tells who calls.
        """
        return await desk.take(request)

    return router
