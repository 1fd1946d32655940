"""Builders of what tests talk about: say only what matters, the rest is sensible."""

import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatcher.delivery import Observed
from dispatcher.events import Actor, Change, Context, Event, User
from dispatcher.logo import Logo, parse_logo
from dispatcher.policy import Written

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_user(**fields: Any) -> User:
    return User(**{"id": "u-1", "email": "ada@example.org", "display_name": "Ada"} | fields)


def an_event(
    event_id: str = "evt-1",
    *,
    org: str = "acme",
    user: User | None = None,
    occurred_at: datetime = NOON,
    change: Change = Change.CHANGE,
    **fields: Any,
) -> Event:
    rest: dict[str, Any] = {"actor": Actor(), "context": Context()} | fields
    return Event(
        id=event_id,
        org_id=org,
        user=user or a_user(),
        occurred_at=occurred_at,
        change=change,
        **rest,
    )


def a_raw_event(**fields: Any) -> dict[str, Any]:
    """Return an event as a producer sends it."""
    return {
        "id": "evt-1",
        "org_id": "acme",
        "user": {"id": "u-1", "email": "ada@example.org"},
        "occurred_at": "2026-11-24T12:00:00Z",
    } | fields


class StandingClock:
    """A clock that stands until it is advanced."""

    def __init__(self) -> None:
        self.time = NOON + timedelta(seconds=1)

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Witness:
    """An observer that remembers."""

    seen: list[Observed] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Connection and result → how many."""

    def finished(self, delivery: Observed) -> None:
        self.seen.append(delivery)

    def policy_written(self, written: Written) -> None: ...

    def policy_refused(self, error: Exception) -> None: ...

    def relay_changed(self, relay: str, reason: str) -> None: ...

    def waiting(self, what: str, error: Exception) -> None:
        self.waits.append(f"{what}: {error}")

    def received(self, connection: str, result: str, count: int = 1) -> None:
        self.calls[connection, result] += count


def a_logo(width: int = 120, height: int = 40) -> Logo:
    """Return a small PNG of one colour."""
    return parse_logo(a_png(width, height))


def a_png(width: int = 120, height: int = 40) -> bytes:
    """Return a PNG's bytes."""
    row = b"\0" + width * b"\x0b\x5c\xad"
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(height * row)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
