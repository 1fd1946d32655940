"""What the API reads of a request, whatever it is about: who calls, and its numbers."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from dispatcher.access import Caller
from dispatcher.errors import RejectedInput
from dispatcher.web.gate import Call, Gate
from dispatcher.web.patience import StorePatience

ORGANIZATION_HEADER: Final = "x-zitadel-orgid"


def call_of(request: Request) -> Call:
    """Return what the gate needs to know of a request."""
    headers = request.headers
    address = request.client.host if request.client else ""
    forwarded = ",".join(headers.getlist("x-forwarded-for"))
    organization = headers.get(ORGANIZATION_HEADER, "")
    return Call(headers.get("authorization"), organization, address, forwarded)


async def caller_of(request: Request, gate: Gate) -> Caller:
    """Return who makes a request.

    Raises:
        Unauthenticated: Nobody we know.
        RateLimited: They call too often.
        StoreUnavailable: It cannot be found out now.
    """
    async with StorePatience():
        return await gate.caller(call_of(request))


def whole_number(
    request: Request,
    name: str,
    *,
    usual: int,
    most: int,
    refuse: Callable[[str], RejectedInput],
) -> int:
    """Return a number from 1 to *most* that a query names; *usual* where it names none.

    Raises:
        RejectedInput: It is none, as *refuse* makes it.
    """
    text = request.query_params.get(name, str(usual))
    # isdecimal() alone lets other scripts' digits through, and those are not what was promised.
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise refuse(f"{name}: expected a whole number from 1 to {most}")
    return number
