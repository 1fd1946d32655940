"""What a directory's HTTP reply means, before anybody looks at what it says of a user."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from dispatcher.adapters.directory.entry import Answer
from dispatcher.errors import DirectoryRefused, DirectoryThrottled, DirectoryUnavailable

_FINE: Final = 200
_MOVED: Final = range(300, 400)
_REFUSED: Final = frozenset({401, 403})
_NOBODY: Final = frozenset({404, 410})
_QUESTIONABLE: Final = range(400, 500)
_TIMED_OUT: Final = 408
_TOO_MANY: Final = 429
_USUAL_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 300.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it came.

    Args:
        status: HTTP's.
        headers: Names in lower case.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def read(reply: Reply) -> Answer:
    """Return what was answered.

    Raises:
        DirectoryRefused: We may not ask that.
        DirectoryThrottled: Not now.
        DirectoryUnavailable: That is no answer.
    """
    status = reply.status
    if status in _REFUSED:
        raise DirectoryRefused(f"the directory answers with {status}: what opens it does not")
    if status == _TOO_MANY:
        wait = seconds_to_wait(reply.headers)
        raise DirectoryThrottled(f"the directory answers with {status}", wait=wait)
    if status in _MOVED:
        raise DirectoryUnavailable(f"the directory answers with {status}: give its final address")
    if status == _FINE:
        return Answer(status, _document(reply.body))
    if status in _QUESTIONABLE and status != _TIMED_OUT:
        try:
            return Answer(status, _document(reply.body))
        except DirectoryUnavailable:
            return Answer(status, {})
    raise DirectoryUnavailable(f"the directory answers with {status}")


def is_found(answer: Answer, *, is_nobody: bool) -> bool:
    """Tell whether the user was found.

    Args:
        answer: The answer to the question for one user.
        is_nobody: Whether it is the directory's own word that there is no such user: a wrong
            address is answered with 404, too, and must not be taken for one.

    Raises:
        DirectoryUnavailable: The answer is neither.
    """
    if answer.status == _FINE:
        return True
    if answer.status in _NOBODY and is_nobody:
        return False
    what = ": is its URL right?" if answer.status in _NOBODY else ""
    raise DirectoryUnavailable(f"the directory answers with {answer.status}{what}")


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Return how long it asks us to wait (RFC 9110 section 10.2.3), or Okta's time of reset."""
    after, reset = headers.get("retry-after", "").strip(), headers.get("x-rate-limit-reset", "")
    sent_at = _time(headers.get("date", "")) or datetime.now(UTC)  # noqa: TID251 - no Date, no better
    wait = _USUAL_WAIT
    if after.isascii() and after.isdigit():
        wait = float(after[:9])
    elif (at := _time(after)) is not None:
        wait = (at - sent_at).total_seconds()
    elif reset.isascii() and reset.isdigit():
        wait = float(reset[:12]) - sent_at.timestamp()
    return min(max(wait, 1.0), _LONGEST_WAIT)


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise DirectoryUnavailable("the directory's answer is no JSON: is its URL right?") from None
    if not isinstance(document, dict):
        raise DirectoryUnavailable("the directory's answer is no JSON object")
    return document
