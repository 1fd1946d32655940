"""Policies as JSON: the form in which the update task and HTTP take and give them.

The bodies are those of ZITADEL's API, in protobuf's JSON mapping: a uint64 is a
string, a time is RFC 3339 in UTC.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dispatcher.dry_run import Day, Forecast
from dispatcher.errors import InvalidPolicy
from dispatcher.policy import COMPATIBLE, Change, Details, Manner, Policy


def decode(text: bytes, manner: Manner = Manner.SETTING) -> object:
    """Return a request's body, decoded.

    In ZITADEL's manner no body is an empty one, and what follows the first value is ignored.

    Raises:
        InvalidPolicy: It is not JSON.
    """
    strict = manner is Manner.ZITADEL
    if strict and not text.strip():
        return _Members()
    try:
        body, end = _DECODER.raw_decode(text.decode().lstrip(" \t\r\n"))
        rest = text.decode().lstrip(" \t\r\n")[end:].strip(" \t\r\n")
    except (ValueError, RecursionError):
        raise InvalidPolicy("the body is not JSON") from None
    if rest and not strict:
        raise InvalidPolicy("the body is more than one JSON value")
    return body


class _Members(dict[str, object]):
    """A JSON object, and which of its members are there more than once."""

    def __init__(self, pairs: list[tuple[str, object]] | None = None) -> None:
        super().__init__(pairs or ())
        names = [name for name, _ in pairs or ()]
        self.repeated = {name for name in names if names.count(name) > 1} if pairs else set()


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


# float: an integer of a thousand digits is a number like any other, and as little wanted.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Members, parse_constant=_no_number, parse_int=float
)


def parse_update(
    body: object, switches: frozenset[str], manner: Manner = Manner.SETTING
) -> Mapping[str, bool]:
    """Return the switches that an update body sets.

    Each may be spelt as the API does (``passwordChange``) or as its proto does
    (``password_change``). Unknown fields are ignored, as the mirrored API does. A
    body that sets nothing is refused, because a slip of the pen in the one field
    that matters must not look like success; in ZITADEL's manner what is not set,
    or null, is off.

    Args:
        body: Decoded JSON, for example ``{"passwordChange": true}``.
        switches: The switches that mean something; in ZITADEL's manner only its own count.
        manner: In which manner.

    Raises:
        InvalidPolicy: The body is not of that form; the text says what was expected.
    """
    if manner is Manner.ZITADEL:
        switches &= COMPATIBLE
    expected = " or ".join(f'{{"{switch}": true}}' for switch in sorted(switches))
    if not isinstance(body, Mapping):
        raise InvalidPolicy(f"expected a JSON object such as {expected}")
    repeated = body.repeated if isinstance(body, _Members) else set()
    found: dict[str, bool] = {}
    for switch in sorted(switches):
        spelt = [name for name in (switch, _snake(switch)) if name in body]
        if len(spelt) > 1:
            raise InvalidPolicy(f"{switch} is set twice, as {' and as '.join(spelt)}: expected one")
        for name in spelt:
            if name in repeated:
                raise InvalidPolicy(f"{name} is set twice: expected one")
            found[switch] = _flag(name, body[name], manner)
    if manner is Manner.ZITADEL:
        return dict.fromkeys(sorted(switches), False) | found
    if not found:
        raise InvalidPolicy(f"the body sets nothing: expected {expected}")
    return found


def _flag(name: str, value: object, manner: Manner) -> bool:
    if value is None and manner is Manner.ZITADEL:
        return False
    if isinstance(value, bool):
        return value
    raise InvalidPolicy(f"{name}: expected true or false, got {_json_type(value)}")


def changed(details: Details) -> dict[str, Any]:
    """Return a successful change as the API's body."""
    return {"details": details_body(details)}


def details_body(details: Details) -> dict[str, str]:
    """Return details; what they do not tell is left out."""
    times = {"creationDate": details.created_at, "changeDate": details.changed_at}
    return {
        "sequence": str(details.sequence),
        **{name: timestamp(time) for name, time in times.items() if time is not None},
        "resourceOwner": details.resource_owner,
    }


def policy_body(
    policy: Policy, details: Details, switches: frozenset[str], manner: Manner = Manner.SETTING
) -> dict[str, Any]:
    """Return a policy as the API's body; in ZITADEL's manner what is false is left out."""
    flags = {"isDefault": policy.is_default} | {
        switch: policy.permits(switch) for switch in sorted(switches)
    }
    told = {name: on for name, on in flags.items() if on or manner is Manner.SETTING}
    return {"policy": {"details": details_body(details), **told}}


def change_body(change: Change) -> dict[str, Any]:
    """Return one change of a policy's history."""
    return {
        "sequence": str(change.sequence),
        "changeDate": timestamp(change.at),
        "by": change.by,
        "effect": change.effect.value,
        "before": None if change.before is None else dict(change.before),
        "after": None if change.after is None else dict(change.after),
    }


def forecast_body(forecast: Forecast, switch: str) -> dict[str, Any]:
    """Return what would be different under another policy."""
    return {
        switch: forecast.on,
        "since": timestamp(forecast.since),
        "days": {day.isoformat(): _day(counts) for day, counts in forecast.days.items()},
        "total": _day(forecast.total),
        "isPartial": forecast.is_partial,
    }


def _day(day: Day) -> dict[str, int]:
    return {"events": day.events, "told": day.told, "wouldBeTold": day.would_be_told}


def timestamp(time: datetime) -> str:
    """Return a time as protobuf's JSON has it: UTC, with 0, 3 or 6 fraction digits."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if time.microsecond == 0:
        return f"{text}Z"
    if time.microsecond % 1000 == 0:
        return f"{text}.{time.microsecond // 1000:03d}Z"
    return f"{text}.{time.microsecond:06d}Z"


def _snake(camel: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "a number")
