"""What a request that brings events holds: one, a list, or CloudEvents in their three forms."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dispatcher.errors import MalformedEvent
from dispatcher.events import Event
from dispatcher.sources import cloudevents, native, own_format
from dispatcher.sources.hook import decode
from dispatcher.status import Code
from dispatcher.web.errors import HttpError

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
    named = dict(headers)
    _require_media_type(named.get("content-type", _JSON))
    try:
        carried = own_format.unpacked(decode(body), named)
    except MalformedEvent as error:
        raise MalformedEvent(str(error), id=_MALFORMED) from None
    trace = named.get("traceparent")
    events = tuple([_event(item, carried.unpack, trace) for item in carried.items])
    return Brought(events, carried.is_list)


def _event(
    item: object, unpack: Callable[[object], object], trace: str | None
) -> Event | MalformedEvent:
    try:
        return native.parse(unpack(item)).within(trace)
    except MalformedEvent as error:
        return error


def _require_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _TYPES:
        return
    raise HttpError(
        f"expected the content type {', '.join(_TYPES[:-1])} or {_TYPES[-1]}",
        status=415,
        code=Code.INVALID_ARGUMENT,
        headers={"accept": ", ".join(_TYPES)},
    )
