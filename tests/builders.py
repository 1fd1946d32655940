"""Builders of what tests talk about: say only what matters, the rest is sensible."""

from datetime import UTC, datetime
from typing import Any

from dispatcher.events import Actor, Change, Context, Event, User

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
    return Event(
        id=event_id,
        org_id=org,
        user=user or a_user(),
        occurred_at=occurred_at,
        change=change,
        **{"actor": Actor(), "context": Context()} | fields,
    )


def a_raw_event(**fields: Any) -> dict[str, Any]:
    """Return an event as a producer sends it."""
    return {
        "id": "evt-1",
        "org_id": "acme",
        "user": {"id": "u-1", "email": "ada@example.org"},
        "occurred_at": "2026-11-24T12:00:00Z",
    } | fields
