"""The quarantine: messages that workers put aside because they are no task that can be run.

They belong to no organization and have no event's id, so each is named ``quarantine:<id>``.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from dispatcher.cli import output
from dispatcher.cli.put_aside import PutAside, Quarantine
from dispatcher.cli.session import Session
from dispatcher.errors import StoreUnavailable
from dispatcher.policy_wire import timestamp
from dispatcher.stories.times import clock_time, relative

PREFIX: Final = "quarantine:"

_LOOKED_THROUGH: Final = 1000
"""Messages, newest first, that are searched for an event's id."""

_BECAUSE: Final[Mapping[str, str]] = {
    "not_json": "it is not JSON",
    "too_large": "it is larger than a message may be",
    "entry": "its entry in the queue cannot be read",
    "no_envelope": "it is JSON, but no Celery message",
    "bad_headers": "its headers are not those of a Celery task",
    "bad_body": "its body is not that of a Celery task",
    "no_delivery_tag": "it has no delivery tag",
    "content_type": "its body is not JSON, the only serializer that is accepted",
    "content_encoding": "its body is not UTF-8",
    "compressed": "its body is compressed, which is not accepted",
    "body_encoding": "its body's encoding is unknown or broken",
    "no_task": "it names no task",
    "no_id": "it has no id",
    "unknown_task": "it asks for a task that there is not",
    "embedded_calls": "it carries calls of other tasks, which is not accepted",
}


@dataclass(frozen=True, slots=True)
class Changed:
    """The messages that were changed, and those that could not be: their ids with the prefix."""

    done: Sequence[str] = ()
    missing: Sequence[str] = ()


def split(names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the ids of events, and those of quarantined messages without their prefix."""
    quarantined = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
    return [name for name in names if not name.startswith(PREFIX)], quarantined


def because(reason: str) -> str:
    """Return a reason in words; an unknown one as it is."""
    return _BECAUSE.get(reason, reason)


def newest(
    here: Session, *, reason: str = "", since: datetime | None = None, limit: int
) -> Sequence[PutAside]:
    """Return the newest messages that were put aside, of one reason or (empty) of any.

    Raises:
        StoreUnavailable: The broker does not answer.
    """
    with here.quarantine() as quarantine:
        return list(islice(_all(quarantine, reason, since), limit))


def unlisted(here: Session) -> Mapping[str, int]:
    """Return, by reason, how many were only counted, since the quarantine was full.

    Raises:
        StoreUnavailable: The broker does not answer.
    """
    with here.quarantine() as quarantine:
        return quarantine.unlisted()


def named(here: Session, item: str) -> PutAside | None:
    """Return the message of an id, or None where it is not there.

    Raises:
        StoreUnavailable: The broker does not answer.
    """
    with here.quarantine() as quarantine:
        return quarantine.show(item)


def count(here: Session) -> int:
    """Return how many messages are put aside; 0 where the broker does not say."""
    with suppress(StoreUnavailable), here.quarantine() as quarantine:
        return len(quarantine)
    return 0


def holding(here: Session, wanted: str) -> Sequence[PutAside]:
    """Return the messages that have an id, or hold an event with it; as far as can be read."""
    with suppress(StoreUnavailable), here.quarantine() as quarantine:
        looked_at = quarantine.list(limit=_LOOKED_THROUGH)
        return [one for one in looked_at if wanted in _ids(one.raw)]
    return ()


def all_ids(here: Session, reason: str, since: datetime | None = None) -> Sequence[str]:
    """Return the ids of all messages of one reason, or (empty) of any.

    Raises:
        StoreUnavailable: The broker does not answer.
    """
    with here.quarantine() as quarantine:
        return [one.id for one in _all(quarantine, reason, since)]


def change(
    here: Session, ids: Sequence[str], way: Callable[[Quarantine], Callable[[str], bool]]
) -> Changed:
    """Change messages in a way that the quarantine offers.

    Raises:
        StoreUnavailable: The broker does not answer.
    """
    if not ids:
        return Changed()
    with here.quarantine() as quarantine:
        once = way(quarantine)
        changed = {f"{PREFIX}{item}": once(item) for item in dict.fromkeys(ids)}
    return Changed(
        [named for named, was in changed.items() if was],
        [named for named, was in changed.items() if not was],
    )


def name(one: PutAside) -> str:
    """Return what a message is called on the command line."""
    return f"{PREFIX}{one.id}"


def document(one: PutAside, *, reveal: bool = False) -> dict[str, Any]:
    """Return a message as JSON; its bytes, which may hold addresses, only with *reveal*."""
    shown = {
        "id": name(one),
        "reason": one.reason,
        "queue": one.queue or None,
        "put_aside_at": timestamp(one.put_aside_at),
        "kept_bytes": len(one.raw),
        "whole": one.is_whole,
    }
    return shown | ({"raw_base64": base64.b64encode(one.raw).decode()} if reveal else {})


def describe(one: PutAside) -> str:
    """Return where a message came from and how long it is, as a remark."""
    size = f"{len(one.raw)} bytes" if one.is_whole else f"first {len(one.raw)} bytes kept"
    return f"{because(one.reason)}; {one.queue or 'unknown queue'}, {size}"


def show(one: PutAside, now: datetime, *, reveal: bool) -> None:
    """Print a message; its bytes, which may hold addresses, only with *reveal*."""
    output.say(output.strong(f"Message {name(one)} was put aside: {because(one.reason)}."), "")
    at = f"{clock_time(one.put_aside_at)}, {relative(one.put_aside_at, now)}"
    output.table((), (("when", at), ("reason", one.reason), ("found", describe(one))))
    output.say("", f"When its cause is mended: `dispatcher dead resend {name(one)}`.", "")
    if reveal:
        output.say(output.strong("Its bytes"), escaped(one.raw))
    else:
        output.say(output.faint("Its bytes may hold addresses; --reveal shows them."))


def escaped(raw: bytes) -> str:
    """Return bytes as text, all that a terminal would not print as escapes."""
    text = raw.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _all(quarantine: Quarantine, reason: str, since: datetime | None) -> Iterator[PutAside]:
    for one in quarantine.list(limit=len(quarantine)):
        if since is not None and one.put_aside_at < since:
            return  # they come newest first
        if reason in ("", one.reason):
            yield one


def _ids(raw: bytes) -> Iterator[object]:
    """Yield the ids of a message, and of the event in it, as far as it can be read."""
    try:
        outer = json.loads(raw)
        yield outer["properties"].get("correlation_id")
        body = outer["body"]
        if outer["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body)
        content = json.loads(body)
        arguments = content["args"] if isinstance(content, dict) else content[0]
        yield arguments[0]["id"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # it is in quarantine because it cannot be read
