"""Dead letters over HTTP: listed, shown, sent again, dropped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher.access import Caller, Permission
from dispatcher.delivery import Delivery, DeliveryFilter, State
from dispatcher.errors import DeliveryNotFound
from dispatcher.ledger import DeadLetters, DeliveryLog
from dispatcher.ports import Clock
from dispatcher.stories import wire
from dispatcher.stories.letters import letters_named, newest_letters
from dispatcher.web import reference
from dispatcher.web.delivery_pages import Page, page
from dispatcher.web.delivery_query import LISTING, ORG, Query, invalid, organization_of, query_of
from dispatcher.web.delivery_routes import EVENT_ID, OneDelivery
from dispatcher.web.gate import Gate
from dispatcher.web.patience import LOG_PATIENCE, StorePatience
from dispatcher.web.requests import caller_of

_UNKNOWN: Final = "DEAD-LETTER-not-found"
_log: Final = structlog.get_logger("dispatcher.web")


class Letters(BaseModel):
    """A page of dead letters; without `next` it is the last."""

    dead_letters: list[OneDelivery]
    next: str | None = None


class Letter(BaseModel):
    """A dead letter, its story, and what would help."""

    dead_letter: OneDelivery


class Changed(BaseModel):
    """The dead letter that was changed."""

    org_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class LetterDesk:
    """Shows and changes dead letters.

    Args:
        log: Knows them.
        letters: Changes them.
        gate: Knows who may.
        clock: Tells the time.
    """

    log: DeliveryLog
    letters: DeadLetters
    gate: Gate
    clock: Clock

    async def list(self, request: Request) -> Response:
        """Answer with a page."""
        query = query_of(request, await caller_of(request, self.gate))
        shown = await self.page(query)
        listed = [wire.delivery(one) for one in shown.deliveries]
        return JSONResponse({"dead_letters": listed} | ({"next": shown.next} if shown.next else {}))

    async def show(self, request: Request) -> Response:
        """Answer with one."""
        letter = await self.named(
            request, await caller_of(request, self.gate), Permission.DELIVERY_READ
        )
        return JSONResponse({"dead_letter": wire.whole(letter, now=self.clock.now())})

    async def resend(self, request: Request) -> Response:
        """Make one due at once."""
        caller = await caller_of(request, self.gate)
        letter = await self.named(request, caller, Permission.DEAD_LETTER_WRITE)
        await self.revive(letter, caller, as_it_was=_as_it_was(await request.body()))
        return _changed(letter)

    async def drop(self, request: Request) -> Response:
        """Close one for good."""
        caller = await caller_of(request, self.gate)
        letter = await self.named(request, caller, Permission.DEAD_LETTER_WRITE)
        await self.remove(letter, caller)
        return _changed(letter)

    async def page(self, query: Query) -> Page:
        """Return a page of letters.

        Raises:
            RejectedInput: There can be none such.
            StoreUnavailable: They cannot be read.
        """
        if query.wanted.state not in {None, State.DEAD}:
            raise invalid("state: dead letters are dead")
        async with StorePatience(LOG_PATIENCE):
            return await page(self._newest, query.wanted, limit=query.limit, cursor=query.cursor)

    async def named(self, request: Request, caller: Caller, permission: Permission) -> Delivery:
        """Return the letter that a request names, where its caller may do that to it.

        Raises:
            AccessError: The caller may not.
            DeliveryNotFound: There is none.
            RejectedInput: There are several: no organization is named.
            StoreUnavailable: They cannot be read.
        """
        org_id = organization_of(request, caller, permission)
        async with StorePatience(LOG_PATIENCE):
            letters = await letters_named(self.log, request.path_params["event_id"], org_id)
        if not letters:
            raise DeliveryNotFound("there is no such dead letter", id=_UNKNOWN)
        if len(letters) > 1:
            owners = ", ".join(one.org_id for one in letters)
            raise invalid(f"org: it is dead in {owners}; say which")
        return letters[0]

    async def revive(self, letter: Delivery, caller: Caller, *, as_it_was: bool) -> None:
        """Make a letter due at once, and note who did it.

        Raises:
            DeliveryNotFound: It is none any more.
            RejectedInput: It shall be sent as it was, and its message is not kept.
            StoreUnavailable: The store did not answer; it may be due.
        """
        async with StorePatience():
            done = await self.letters.revive(letter.org_id, letter.event_id, as_it_was=as_it_was)
        if not done and as_it_was:
            raise invalid("as_it_was: its message is not kept; resend it rendered anew")
        _note("dead letter resent", letter, caller, done=done)

    async def remove(self, letter: Delivery, caller: Caller) -> None:
        """Close a letter for good, and note who did it.

        Raises:
            DeliveryNotFound: It is none any more.
            StoreUnavailable: The store did not answer; it may be closed.
        """
        async with StorePatience():
            done = await self.letters.drop(letter.org_id, letter.event_id)
        _note("dead letter dropped", letter, caller, done=done)

    async def _newest(self, wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
        return await newest_letters(self.letters, wanted, limit)


def _as_it_was(body: bytes) -> bool:
    if not body:
        return False
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    wish = asked.get("as_it_was", False) if isinstance(asked, dict) else None
    if isinstance(wish, bool):
        return wish
    raise invalid('expected nothing, or {"as_it_was": true}')


def _note(what: str, letter: Delivery, caller: Caller, *, done: bool) -> None:
    if not done:
        raise DeliveryNotFound("there is no such dead letter any more", id=_UNKNOWN)
    _log.info(what, org_id=letter.org_id, event_id=letter.event_id, by=caller.id)


def _changed(letter: Delivery) -> Response:
    return JSONResponse({"org_id": letter.org_id, "event_id": letter.event_id})


_RESEND: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"as_it_was": {"type": "boolean"}}}
            }
        },
    }
}
_ONE: Final = reference.about(reference.SECURED, parameters=[EVENT_ID, ORG])
_READER: Final = (*reference.CALLER, 400)


def letter_router(desk: LetterDesk) -> APIRouter:
    """Return the routes of dead letters."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["Dead letters"])

    @router.get(
        "",
        response_model=None,
        responses=reference.answers(Letters, _READER),
        openapi_extra=reference.about(reference.SECURED, parameters=LISTING),
    )
    async def get_dead_letters(request: Request) -> Response:
        """List dead letters, the last that died first."""
        return await desk.list(request)

    @router.get(
        "/{event_id:path}",  # noqa: FAST003 - else FastAPI would answer in its own form
        response_model=None,
        responses=reference.answers(Letter, _READER),
        openapi_extra=_ONE,
    )
    async def get_dead_letter(request: Request) -> Response:
        """Show a dead letter: its story, its event without personal fields, and what would help."""
        return await desk.show(request)

    @router.post(
        "/{event_id:path}/resend",  # noqa: FAST003 - as above
        response_model=None,
        responses=reference.answers(Changed, reference.WRITER),
        openapi_extra=reference.about(_ONE, _RESEND),
    )
    async def resend_dead_letter(request: Request) -> Response:
        """Send a dead letter again: a new attempt of the same delivery, rendered anew.

        With `as_it_was` the message that is kept is sent, byte for byte.
        """
        return await desk.resend(request)

    @router.delete(
        "/{event_id:path}",  # noqa: FAST003 - as above
        response_model=None,
        responses=reference.answers(Changed, _READER),
        openapi_extra=_ONE,
    )
    async def drop_dead_letter(request: Request) -> Response:
        """Close a dead letter for good: its event is erased, its outcome stays dead."""
        return await desk.drop(request)

    return router
