"""ZITADEL's own log of events: it knows what calls told, and what was told to nobody.

Source: the API reference of ZITADEL's AdminService, ListEvents and GetMyInstance.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatcher.errors import MalformedEvent
from dispatcher.sources.hook import decode_object, text
from dispatcher.sources.instants import instant
from dispatcher.sources.zitadel import PASSWORD_CHANGED, payload

SEARCH: Final = "/admin/v1/events/_search"
INSTANCE: Final = "/admin/v1/instances/me"

LIMIT: Final = 500
"""Events of an answer; ZITADEL gives 1,000 at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the log answers.

    Args:
        bodies: Each event as a target would have been told of it.
        until: When the last of them happened, to go on from; None where there is nothing after.
    """

    bodies: Sequence[bytes]
    until: datetime | None


def question(since: datetime) -> Mapping[str, Any]:
    """Return what to ask for the changes of passwords from a time on, the oldest first."""
    return {
        "asc": True,
        "limit": LIMIT,
        "eventTypes": [PASSWORD_CHANGED],
        "from": since.isoformat().replace("+00:00", "Z"),
    }


def instance_id(answer: bytes) -> str:
    """Return the id of the instance that answers, which its events do not name.

    Raises:
        MalformedEvent: It does not say.
    """
    found = text(decode_object(answer), "instance", "id")
    if not found:
        raise MalformedEvent("instance.id: is required")
    return found


def read(answer: bytes, instance: str) -> Page:
    """Return a page of the log.

    Raises:
        MalformedEvent: It is none.
    """
    events = decode_object(answer).get("events") or []
    if not isinstance(events, list):
        raise MalformedEvent("events: expected a list")
    last = instant(text(events[-1], "creationDate")) if len(events) >= LIMIT else None
    return Page(list(_bodies(events, instance)), last)


def _bodies(events: Sequence[object], instance: str) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Mapping):
            yield json.dumps(_told(event, instance)).encode()


def _told(event: Mapping[str, Any], instance: str) -> Mapping[str, Any]:
    """Return an event as a target's body; of its payload, which holds a hash, one flag."""
    return {
        "aggregateID": text(event, "aggregate", "id"),
        "resourceOwner": text(event, "aggregate", "resourceOwner"),
        "instanceID": instance,
        "sequence": text(event, "sequence"),
        "event_type": text(event, "type", "type") or text(event, "type"),
        "created_at": text(event, "creationDate"),
        "userID": text(event, "editor", "userId"),
        "event_payload": {"changeRequired": payload(event.get("payload")).get("changeRequired")},
    }
