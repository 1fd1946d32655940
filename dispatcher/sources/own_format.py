"""Calls that hold our own events, or CloudEvents: what signed and token-bearing senders share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from json import dumps
from typing import Final

from dispatcher.errors import MalformedEvent
from dispatcher.events import PASSWORD_CHANGED
from dispatcher.sources import cloudevents, native
from dispatcher.sources.hook import SAMPLE_USER, Call, Occurrence, Reading, Reply, decode

MOST_EVENTS: Final = 1_000
_BINARY: Final = "ce-specversion"
_ORIGIN: Final = "webhook-request-origin"
_ALLOWED_ORIGIN: Final = "webhook-allowed-origin"
_ALLOWED_RATE: Final = "webhook-allowed-rate"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a body carries.

    Args:
        items: What it holds, in its order.
        unpack: Makes an item an event of our format, yet to be parsed; raises MalformedEvent.
        is_list: Whether it came as a list.
    """

    items: Sequence[object]
    unpack: Callable[[object], object]
    is_list: bool = False


def read(content: bytes, call: Call, organization: str = "") -> Reading:
    """Return what a body of our own events, one or a list, or of CloudEvents tells.

    Args:
        content: The body.
        call: For its headers.
        organization: Whose the events are that do not say; "" has them say.

    Raises:
        MalformedEvent: All of it is unreadable.
    """
    carried = unpacked(decode(content), call.headers)
    return Reading([_told(item, carried.unpack, organization) for item in carried.items])


def unpacked(decoded: object, headers: Mapping[str, str]) -> Carried:
    """Return what a body of our own events, one or a list, or of CloudEvents carries.

    Args:
        decoded: The body's JSON.
        headers: Those it came with, names in lower case.

    Raises:
        MalformedEvent: It is a list of none or of too many.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == cloudevents.STRUCTURED:
        return Carried([decoded], cloudevents.from_structured)
    if media_type == cloudevents.BATCH:
        return Carried(_listed(decoded), cloudevents.from_structured, is_list=True)
    if _BINARY in headers:
        return Carried([decoded], partial(cloudevents.from_binary, headers.items()))
    if isinstance(decoded, list):
        return Carried(_listed(decoded), _as_it_is, is_list=True)
    return Carried([decoded], _as_it_is)


def greet(call: Call) -> Reply | None:
    """Return CloudEvents' consent to being called, where it is asked for; else None.

    Source: HTTP 1.1 Web Hooks for Event Delivery 1.0, section 4. Anybody may be told to call,
    for nobody is heard without a proof.
    """
    origin = call.header(_ORIGIN)
    if call.method != "OPTIONS" or not _is_printable(origin):
        return None
    return Reply(200, None, {"allow": "POST", _ALLOWED_ORIGIN: origin, _ALLOWED_RATE: "*"})


def sample(now: datetime, organization: str) -> bytes:
    """Return a body with one event of a password change by nobody."""
    event = {
        "id": f"sample-{now.timestamp():.6f}",
        "org_id": organization or "sample",
        "type": PASSWORD_CHANGED,
        "user": {"id": SAMPLE_USER.id, "email": SAMPLE_USER.email},
        "occurred_at": now.isoformat(),
    }
    return dumps(event, separators=(",", ":")).encode()


def _as_it_is(item: object) -> object:
    return item


def _listed(decoded: object) -> list[object]:
    if isinstance(decoded, list) and 1 <= len(decoded) <= MOST_EVENTS:
        return decoded
    raise MalformedEvent(f"expected a list of 1 to {MOST_EVENTS} events")


def _told(
    item: object, unpack: Callable[[object], object], organization: str
) -> Occurrence | MalformedEvent:
    try:
        return _occurrence(unpack(item), organization)
    except MalformedEvent as error:
        return error


def _occurrence(raw: object, organization: str) -> Occurrence:
    whole = _with_organization(raw, organization)
    event = native.parse(whole)
    return Occurrence(
        native_id=event.id,
        user=event.user,
        occurred_at=event.occurred_at,
        tenant=event.org_id if whole is raw else "",
        type=event.type,
        change=event.change,
        actor=event.actor,
        context=event.context,
        is_event_id=True,
    )


def _with_organization(raw: object, organization: str) -> object:
    if organization and isinstance(raw, Mapping) and raw.get("org_id") is None:
        return {**raw, "org_id": organization}
    return raw


def _is_printable(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()
