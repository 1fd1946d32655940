"""What a request asks for of the log: whose, which, how many."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request

from dispatcher.access import Caller, Permission
from dispatcher.delivery import DeliveryFilter, State
from dispatcher.errors import MembershipNotFound, RejectedInput
from dispatcher.sources import native
from dispatcher.web.requests import whole_number

_USUAL: Final = 100
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for.

    Args:
        wanted: Which deliveries.
        limit: How many on a page.
        cursor: Where the page before ended; "" for the first.
    """

    wanted: DeliveryFilter
    limit: int
    cursor: str


def query_of(request: Request, caller: Caller) -> Query:
    """Return what a request asks for, of what its caller may see.

    Raises:
        AccessError: The caller may see no log, or not that organization's.
        RejectedInput: A parameter breaks a rule.
    """
    asked = request.query_params
    wanted = DeliveryFilter(
        organization_of(request, caller, Permission.DELIVERY_READ),
        _state(asked),
        asked.get("reason", ""),
        _time(asked, "since"),
        _time(asked, "until"),
    )
    limit = whole_number(request, "limit", usual=_USUAL, most=_MOST, refuse=invalid)
    return Query(wanted, limit, asked.get("cursor", ""))


def invalid(reason: str) -> RejectedInput:
    """Return the error of a request that asks for something there cannot be."""
    return RejectedInput(reason, id="QUERY-invalid")


def organization_of(request: Request, caller: Caller, permission: Permission) -> str:
    """Return the organization that is asked about; "" for all, where the caller may see all.

    Raises:
        AccessError: The caller may not do this, or not there.
        RejectedInput: It is no organization's id.
    """
    asked = request.query_params.get("org", "")
    if asked and native.valid_org_id(asked) is None:
        raise invalid("org: expected 1-64 characters of A-Za-z0-9._-")
    own = caller.sees(permission)
    if own is None:
        return asked
    if asked not in {"", own}:
        raise MembershipNotFound("membership not found", id="AUTHZ-cdgFk")
    return own


def _state(asked: QueryParams) -> State | None:
    text = asked.get("state")
    if text is None:
        return None
    try:
        return State(text)
    except ValueError:
        expected = ", ".join(state.value for state in State)
        raise invalid(f"state: expected one of {expected}") from None


def _time(asked: QueryParams, name: str) -> datetime | None:
    text = asked.get(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that nobody encoded
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        time = None
    expected = "expected a time with its zone, such as 2026-11-24T09:30:00Z"
    raise invalid(f"{name}: {expected}")


def _parameter(name: str, meaning: str, **schema: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": meaning,
        "schema": {"type": "string"} | schema,
    }


ORG: Final = _parameter(
    "org",
    "The organization; needed only by callers that see several.",
    pattern=r"^[A-Za-z0-9._-]{1,64}$",
)
LISTING: Final = (
    ORG,
    _parameter("state", "Where they stand.", enum=[state.value for state in State]),
    _parameter("reason", "Why they stand there."),
    _parameter("since", "Those that changed at this time or later.", format="date-time"),
    _parameter("until", "Those that changed at this time or earlier.", format="date-time"),
    _parameter("limit", "How many.", type="integer", minimum=1, maximum=_MOST, default=_USUAL),
    _parameter("cursor", "The `next` of the page before."),
)
"""What the reference says of a listing's parameters."""
