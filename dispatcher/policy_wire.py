"""Policies as JSON: the form in which the update task, and later HTTP, take and give them.

The bodies are those of ZITADEL's API: a uint64 is a string, a time is RFC 3339 in
UTC, an error is ``{"code", "message", "details"}`` with gRPC's codes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dispatcher.errors import DispatcherError, InvalidPolicy, PolicyNotFound, StoreUnavailable
from dispatcher.policy import Policy

_DETAIL: Final = "type.googleapis.com/zitadel.v1.ErrorDetail"

_CODES: Final[Mapping[type[DispatcherError], tuple[int, str]]] = {
    # gRPC's status codes: INVALID_ARGUMENT, NOT_FOUND, UNAVAILABLE
    InvalidPolicy: (3, "POLICY-invalid"),
    PolicyNotFound: (5, "POLICY-not-found"),
    StoreUnavailable: (14, "STORE-unavailable"),
}
_INTERNAL: Final = (13, "INTERNAL-error")


def parse_update(body: object, switches: frozenset[str]) -> Mapping[str, bool]:
    """Return the switches that an update body sets.

    Each may be spelt as the API does (``passwordChange``) or as its proto does
    (``password_change``). Unknown fields are ignored, as the mirrored API does; a
    body that sets nothing is refused, because a slip of the pen in the one field
    that matters must not look like success.

    Args:
        body: Decoded JSON, for example ``{"passwordChange": true}``.
        switches: The switches that mean something.

    Raises:
        InvalidPolicy: The body is not of that form; the text says what was expected.
    """
    expected = " or ".join(f'{{"{switch}": true}}' for switch in sorted(switches))
    if not isinstance(body, Mapping):
        raise InvalidPolicy(f"expected a JSON object such as {expected}")
    found: dict[str, bool] = {}
    for switch in sorted(switches):
        spelt = [name for name in (switch, _snake(switch)) if name in body]
        if len(spelt) > 1:
            raise InvalidPolicy(f"{switch} is set twice, as {' and as '.join(spelt)}: expected one")
        for name in spelt:
            value = body[name]
            if not isinstance(value, bool):
                raise InvalidPolicy(f"{name}: expected true or false, got {_json_type(value)}")
            found[switch] = value
    if not found:
        raise InvalidPolicy(f"the body sets nothing: expected {expected}")
    return found


def details(policy: Policy) -> dict[str, Any]:
    """Return a successful change as the API's body."""
    return {
        "details": {
            "sequence": str(policy.sequence),
            "creationDate": timestamp(policy.created_at),
            "changeDate": timestamp(policy.changed_at),
            "resourceOwner": policy.owner,
        }
    }


def failure(error: DispatcherError) -> dict[str, Any]:
    """Return an error as the API's error body."""
    code, name = _CODES.get(type(error), _INTERNAL)
    detail = {"@type": _DETAIL, "id": name, "message": str(error)}
    return {"code": code, "message": f"{error} ({name})", "details": [detail]}


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
    return names.get(type(value), "a number")
