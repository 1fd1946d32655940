"""What can go wrong before a call reaches a service, and how every error is answered."""

from typing import Final

from starlette.responses import JSONResponse, Response

from dispatcher.errors import DispatcherError, RateLimited, Unauthenticated
from dispatcher.policy import Manner
from dispatcher.status import HTTP_STATUS, Code, code_of, failure, message_of

_RETRY_AFTER: Final = 1
"""Seconds after which a client may ask again what could not be answered now."""


class HttpError(DispatcherError):
    """A call that HTTP itself has a word for.

    Args:
        reason: What was wrong.
        status: The HTTP status.
        code: The gRPC code in the body.
        headers: What else the answer tells.
    """

    def __init__(
        self, reason: str, *, status: int, code: Code, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.headers = headers or {}


def unknown_path() -> HttpError:
    """Return the answer for a path that leads nowhere."""
    return HttpError("Not Found", status=404, code=Code.NOT_FOUND)


def wrong_method(allow: str) -> HttpError:
    """Return the answer for a method that a path does not know; RFC 9110 wants the others told."""
    return HttpError(
        "Method Not Allowed", status=405, code=Code.UNIMPLEMENTED, headers={"allow": allow}
    )


def too_large(most: int) -> HttpError:
    """Return the answer for a body of more than *most* bytes; the rest of it is not read."""
    return HttpError(
        f"the body is larger than {most} bytes",
        status=413,
        code=Code.RESOURCE_EXHAUSTED,
        headers={"connection": "close"},
    )


def too_slow() -> HttpError:
    """Return the answer for a body that does not come."""
    return HttpError(
        "the body did not come in time",
        status=408,
        code=Code.DEADLINE_EXCEEDED,
        headers={"connection": "close"},
    )


def too_busy() -> HttpError:
    """Return the answer where as much is in flight as one process can bear."""
    return HttpError(
        "the server has its hands full", status=503, code=Code.UNAVAILABLE, headers=_later(1.0)
    )


def _later(seconds: float) -> dict[str, str]:
    return {"retry-after": str(max(_RETRY_AFTER, round(seconds)))}


def answer(error: DispatcherError, manner: Manner) -> Response:
    """Return an error as its answer."""
    if isinstance(error, HttpError):
        body = {"code": int(error.code), "message": str(error)}
        if manner is Manner.SETTING:
            body["details"] = []
        return JSONResponse(body, error.status, headers=error.headers)
    code = code_of(error)
    headers = {}
    if isinstance(error, Unauthenticated):
        # RFC 9110 section 11.6.1; the API we mirror puts its message where a challenge belongs.
        strict = manner is Manner.ZITADEL
        headers["www-authenticate"] = message_of(error, manner) if strict else "Bearer"
    if isinstance(error, RateLimited):
        headers |= _later(error.retry_after)
    if code is Code.UNAVAILABLE:
        headers |= _later(1.0)
    return JSONResponse(failure(error, manner), HTTP_STATUS[code], headers=headers)


def unexpected(manner: Manner) -> Response:
    """Return the answer for what nobody expected; the log has the rest."""
    body = {"code": int(Code.INTERNAL), "message": "an error of ours: the log has more of it"}
    return JSONResponse(body if manner is Manner.ZITADEL else body | {"details": []}, 500)
