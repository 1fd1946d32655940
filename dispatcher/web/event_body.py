"""What a request that brings events holds: one, a list, or CloudEvents in their three forms."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from dispatcher.errors import MalformedEvent
from dispatcher.events import Event
from dispatcher.sources import cloudevents, native
from dispatcher.status import Code
from dispatcher.web.errors import HttpError

MOST_EVENTS: Final = 1_000
LARGEST_BODY: Final = 4 * 1024 * 1024
"""Bytes; a thousand events of usual size are less than one of its four mebibytes."""

_MALFORMED: Final = "EVENT-malformed"
_JSON: Final = "application/json"
_TYPES: Final = (_JSON, cloudevents.STRUCTURED, cloudevents.BATCH)


@dataclass(frozen=True, slots=True)
class Brought:
    """What a request brings.

    Args:
        events: Each one, or what is wrong with it, in the request's order.
        is_list: Whether it came as a list: then each is answered for itself.
    """

    events: tuple[Event | MalformedEvent, ...]
    is_list: bool


def read(headers: Iterable[tuple[str, str]], body: bytes) -> Brought:
    """Return what a request brings.

    Args:
        headers: The request's, names in lower case.
        body: Its body.

    Raises:
        HttpError: Its content type is none of ours.
        MalformedEvent: It is no JSON, or a list of none or of too many.
    """
    named = list(headers)
    media_type = _media_type(dict(named).get("content-type", _JSON))
    content = _decode(body)
    if media_type == cloudevents.STRUCTURED:
        return Brought((_enveloped(content),), is_list=False)
    if media_type == cloudevents.BATCH:
        return Brought(tuple(map(_enveloped, _listed(content))), is_list=True)
    if any(name == "ce-specversion" for name, _ in named):
        return Brought((_attributed(named, content),), is_list=False)
    if isinstance(content, list):
        return Brought(tuple(map(_native, _listed(content))), is_list=True)
    return Brought((_native(content),), is_list=False)


def _media_type(content_type: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _TYPES:
        return media_type
    raise HttpError(
        f"expected the content type {', '.join(_TYPES[:-1])} or {_TYPES[-1]}",
        status=415,
        code=Code.INVALID_ARGUMENT,
        headers={"accept": ", ".join(_TYPES)},
    )


def _decode(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedEvent("the body is no JSON in UTF-8", id=_MALFORMED) from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)  # RFC 8259 section 6 knows neither NaN nor Infinity


def _listed(content: object) -> list[object]:
    if isinstance(content, list) and 1 <= len(content) <= MOST_EVENTS:
        return content
    raise MalformedEvent(f"expected a list of 1 to {MOST_EVENTS} events", id=_MALFORMED)


def _native(raw: object) -> Event | MalformedEvent:
    try:
        return native.parse(raw)
    except MalformedEvent as error:
        return error


def _enveloped(envelope: object) -> Event | MalformedEvent:
    try:
        return native.parse(cloudevents.from_structured(envelope))
    except MalformedEvent as error:
        return error


def _attributed(headers: list[tuple[str, str]], content: object) -> Event | MalformedEvent:
    try:
        found: Mapping[str, Any] = cloudevents.from_binary(headers, content)
        return native.parse(found)
    except MalformedEvent as error:
        return error
