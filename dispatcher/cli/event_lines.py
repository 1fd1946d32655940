"""Events as lines of JSON: read, completed and checked before any is published."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from dispatcher.cli.times import resolve_now
from dispatcher.errors import MalformedEvent
from dispatcher.stories.redact import HIDDEN

_MOST_MISTAKES: Final = 20


@dataclass(frozen=True, slots=True)
class EventLine:
    """A line of a file, and the event in it; ``event`` is any JSON until it is checked."""

    number: int
    event: Any


def read(lines: Iterable[str]) -> Iterator[EventLine]:
    """Yield the event of each line that is not empty: an object, or one under ``"event"``.

    The latter is what ``dispatcher dead export`` writes, too.

    Raises:
        MalformedEvent: A line is no JSON, or was exported with personal fields hidden.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise MalformedEvent(f"line {number}: expected JSON") from None
        wrapped = isinstance(value, dict) and "event" in value and "user" not in value
        event = value["event"] if wrapped else value
        if isinstance(event, dict) and HIDDEN in json.dumps(event.get("user"), ensure_ascii=False):
            raise MalformedEvent(f"line {number}: exported without --reveal: its address is hidden")
        yield EventLine(number, event)


def completed(event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return an event with a random id and the time now, where it has none of its own."""
    return {"id": str(uuid4()), "occurred_at": now.isoformat()} | dict(event)


def dated(event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return an event whose ``occurred_at`` of ``now`` or ``now-5m`` is the time it stands for.

    So a file of examples stays fresh.
    """
    said = event.get("occurred_at")
    meant = resolve_now(said, now) if isinstance(said, str) else None
    return dict(event) if meant is None else dict(event) | {"occurred_at": meant}


def check(lines: Iterable[EventLine]) -> None:
    """Check every event by the rules of the interface.

    Raises:
        MalformedEvent: Names each line that breaks one, and what was expected; it
            holds nothing of what was there.
    """
    from dispatcher.sources import native

    mistakes = []
    for line in lines:
        try:
            native.parse(line.event)
        except MalformedEvent as error:
            mistakes.append(f"line {line.number}: {error}")
    if not mistakes:
        return
    count = "1 event breaks" if len(mistakes) == 1 else f"{len(mistakes)} events break"
    more = len(mistakes) - _MOST_MISTAKES
    raise MalformedEvent(
        "\n".join(
            [
                f"{count} a rule; nothing was published.",
                *mistakes[:_MOST_MISTAKES],
                *([f"… and {more} more"] if more > 0 else []),
                "--no-check publishes them all the same: they become dead letters.",
            ]
        )
    )
