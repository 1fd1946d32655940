"""How an error is told outside: gRPC's status codes, HTTP's statuses, and the error body.

The body is that of ZITADEL's API: ``{"code", "message", "details"}``.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from dispatcher.errors import (
    ConfigError,
    ConnectionNotFound,
    DeliveryNotFound,
    DispatcherError,
    IssuerUnavailable,
    LookNotFound,
    MembershipNotFound,
    PermissionDenied,
    PolicyExists,
    PolicyNotFound,
    PolicyUnchanged,
    RateLimited,
    RejectedInput,
    SecretUnreadable,
    SenderNotFound,
    StoreUnavailable,
    TokenNotFound,
    Unauthenticated,
)
from dispatcher.policy import Manner

_DETAIL: Final = "type.googleapis.com/zitadel.v1.ErrorDetail"


class Code(IntEnum):
    """gRPC's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""What HTTP makes of each code; grpc-gateway's table."""

_CODES: Final[Mapping[type[DispatcherError], Code]] = {
    PolicyNotFound: Code.NOT_FOUND,
    DeliveryNotFound: Code.NOT_FOUND,
    PolicyExists: Code.ALREADY_EXISTS,
    PolicyUnchanged: Code.FAILED_PRECONDITION,
    SenderNotFound: Code.NOT_FOUND,
    LookNotFound: Code.NOT_FOUND,
    TokenNotFound: Code.NOT_FOUND,
    ConnectionNotFound: Code.NOT_FOUND,
    RejectedInput: Code.INVALID_ARGUMENT,
    ConfigError: Code.FAILED_PRECONDITION,
    Unauthenticated: Code.UNAUTHENTICATED,
    MembershipNotFound: Code.NOT_FOUND,
    PermissionDenied: Code.PERMISSION_DENIED,
    RateLimited: Code.RESOURCE_EXHAUSTED,
    StoreUnavailable: Code.UNAVAILABLE,
    IssuerUnavailable: Code.UNAVAILABLE,
    SecretUnreadable: Code.UNAVAILABLE,
}

_IDS: Final[Mapping[Code, str]] = {
    Code.INVALID_ARGUMENT: "POLICY-invalid",
    Code.NOT_FOUND: "POLICY-not-found",
    Code.FAILED_PRECONDITION: "SETTINGS-missing",
    Code.UNAVAILABLE: "STORE-unavailable",
    Code.INTERNAL: "INTERNAL-error",
}
"""The ids of errors that come without one."""


def code_of(error: DispatcherError) -> Code:
    """Return an error's gRPC code."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return Code.INTERNAL


def id_of(error: DispatcherError, manner: Manner = Manner.SETTING) -> str:
    """Return the id that callers know an error's case by; in ZITADEL's manner some have none."""
    return error.id or ("" if manner is Manner.ZITADEL else _IDS.get(code_of(error), ""))


def message_of(error: DispatcherError, manner: Manner = Manner.SETTING) -> str:
    """Return an error's message as an answer tells it: with its id."""
    named = id_of(error, manner)
    return f"{error} ({named})" if named else str(error)


def failure(error: DispatcherError, manner: Manner = Manner.SETTING) -> dict[str, Any]:
    """Return an error as the API's error body."""
    named = id_of(error, manner)
    body = {"code": int(code_of(error)), "message": message_of(error, manner)}
    if named:
        return body | {"details": [{"@type": _DETAIL, "id": named, "message": str(error)}]}
    return body if manner is Manner.ZITADEL else body | {"details": []}
