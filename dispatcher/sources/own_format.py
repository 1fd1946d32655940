"""Calls that hold our own events, or CloudEvents: what signed and token-bearing senders share."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from json import dumps
from typing import Any, Final

from dispatcher.errors import MalformedEvent
from dispatcher.events import PASSWORD_CHANGED
from dispatcher.sources import cloudevents, native
from dispatcher.sources.hook import SAMPLE_USER, Call, Occurrence, Reading, decode

MOST_EVENTS: Final = 1_000
_BINARY: Final = "ce-specversion"


def read(content: bytes, call: Call) -> Reading:
    """Return what a body of our own events, one or a list, or of CloudEvents tells.

    Raises:
        MalformedEvent: All of it is unreadable.
    """
    decoded = decode(content)
    media_type = call.header("content-type").partition(";")[0].strip().lower()
    if media_type == cloudevents.STRUCTURED:
        return Reading([_structured(decoded)])
    if media_type == cloudevents.BATCH:
        return Reading([_structured(each) for each in _listed(decoded)])
    if _BINARY in call.headers:
        return Reading([_binary(call.headers.items(), decoded)])
    if isinstance(decoded, list):
        return Reading([_native(each) for each in _listed(decoded)])
    return Reading([_native(decoded)])


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


def _listed(decoded: object) -> list[object]:
    if isinstance(decoded, list) and 1 <= len(decoded) <= MOST_EVENTS:
        return decoded
    raise MalformedEvent(f"expected a list of 1 to {MOST_EVENTS} events")


def _structured(envelope: object) -> Occurrence | MalformedEvent:
    try:
        return _occurrence(cloudevents.from_structured(envelope))
    except MalformedEvent as error:
        return error


def _binary(headers: Iterable[tuple[str, str]], content: object) -> Occurrence | MalformedEvent:
    try:
        return _occurrence(cloudevents.from_binary(headers, content))
    except MalformedEvent as error:
        return error


def _native(raw: object) -> Occurrence | MalformedEvent:
    try:
        return _occurrence(raw)
    except MalformedEvent as error:
        return error


def _occurrence(raw: Mapping[str, Any] | object) -> Occurrence:
    event = native.parse(raw)
    return Occurrence(
        native_id=event.id,
        user=event.user,
        occurred_at=event.occurred_at,
        tenant=event.org_id,
        type=event.type,
        change=event.change,
        actor=event.actor,
        context=event.context,
        is_event_id=True,
    )
