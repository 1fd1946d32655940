"""Our event in a CloudEvents 1.0 envelope: structured, batched, or with its attributes as headers.

The attributes ``id``, ``source``, ``type`` and ``time`` are the event's ``id``, ``source``,
``type`` and ``occurred_at``, ``subject`` is the user's id, the extension ``orgid`` the
organization, the extension ``traceparent`` the trace (CloudEvents' Distributed Tracing);
``data`` holds the other fields, and any of these that the envelope lacks.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from json import loads
from typing import Any, Final
from urllib.parse import unquote

from dispatcher.errors import MalformedEvent

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_VERSION: Final = "1.0"
_HEADER_PREFIX: Final = "ce-"
_REQUIRED: Final = ("id", "source", "type")
_ATTRIBUTES: Final = {
    "id": "id",
    "source": "source",
    "type": "type",
    "time": "occurred_at",
    "orgid": "org_id",
    "traceparent": "traceparent",
}
"""CloudEvents' attribute → our event's field."""


def from_structured(envelope: object) -> Mapping[str, Any]:
    """Return the event, in our own format and yet to be parsed, that a structured one carries.

    Raises:
        MalformedEvent: It is no CloudEvent, or carries no JSON object.
    """
    if not isinstance(envelope, Mapping):
        raise MalformedEvent("expected a JSON object with a CloudEvent")
    attributes = {name: value for name, value in envelope.items() if value is not None}
    return _merged(attributes, _payload(attributes))


def from_binary(headers: Iterable[tuple[str, str]], content: object) -> Mapping[str, Any]:
    """Return the event, in our own format and yet to be parsed, whose attributes are headers.

    Args:
        headers: HTTP's, in any case; values percent-encoded as the HTTP binding says
            (section 3.1.3.2).
        content: The decoded JSON body.

    Raises:
        MalformedEvent: It is no CloudEvent, or carries no JSON object.
    """
    attributes = {
        name.lower().removeprefix(_HEADER_PREFIX): unquote(value)
        for name, value in headers
        if name.lower().startswith(_HEADER_PREFIX)
    }
    return _merged(attributes, content)


def _payload(attributes: Mapping[str, Any]) -> object:
    if "data_base64" not in attributes:
        return attributes.get("data")
    try:
        return loads(b64decode(attributes["data_base64"], validate=True))
    except (TypeError, ValueError, Base64Error, RecursionError):
        raise MalformedEvent("data_base64: expected base64 of a JSON object") from None


def _merged(attributes: Mapping[str, Any], content: object) -> Mapping[str, Any]:
    if attributes.get("specversion") != _VERSION:
        raise MalformedEvent(f'specversion: expected "{_VERSION}"')
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        raise MalformedEvent("; ".join(f"{name}: is required" for name in missing))
    if not isinstance(content, Mapping):
        raise MalformedEvent("data: expected a JSON object with the event's fields")
    carried = {ours: attributes[name] for name, ours in _ATTRIBUTES.items() if name in attributes}
    event = {**content, **carried}
    subject = attributes.get("subject")
    if subject is not None:
        event["user"] = _with_id(event.get("user"), subject)
    return event


def _with_id(user: object, subject: object) -> object:
    if user is None:
        return {"id": subject}
    if isinstance(user, Mapping) and user.get("id") is None:
        return {**user, "id": subject}
    return user
