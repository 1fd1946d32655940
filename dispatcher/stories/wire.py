"""Deliveries as JSON: the form of every ``--json`` that lists or shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.delivery import Attempt, Delivery, Totals
from dispatcher.policy_wire import timestamp
from dispatcher.stories.redact import redacted
from dispatcher.stories.story import Story, tell


def delivery(told: Delivery) -> dict[str, Any]:
    """Return a delivery without its event: nothing in it is personal."""
    return {
        "event_id": told.event_id,
        "org_id": told.org_id,
        "state": told.state.value,
        "reason": told.reason or None,
        "detail": told.detail or None,
        "accepted_at": timestamp(told.accepted_at),
        "changed_at": timestamp(told.changed_at),
        "due_at": timestamp(told.due_at) if told.due_at else None,
        "source": told.source or None,
        "message": told.receipt or None,
        "trigger": told.trigger or None,
        "policy": _policy(told),
        "recipient_fingerprint": told.recipient or None,
        "attempts": told.attempts,
        "duplicates": told.duplicates,
        "uncertain": told.uncertain,
        "changes": told.changes or None,
        "keeps_message": told.keeps_message,
        "history": [_attempt(each) for each in told.history],
    }


def whole(one: Delivery, *, now: datetime) -> dict[str, Any]:
    """Return a delivery with its event, personal fields hidden, and its story at *now*."""
    event = None if one.event is None else redacted(one.event)
    return delivery(one) | {"event": event, "story": story(tell(one, now=now))}


def story(told: Story) -> dict[str, Any]:
    """Return a story."""
    return {
        "verdict": told.verdict,
        "steps": [
            {"at": timestamp(step.at) if step.at else None, "text": step.text}
            for step in told.steps
        ],
        "advice": told.advice or None,
    }


def totals(counted: Totals) -> dict[str, Any]:
    """Return the counts; ``accepted = sent + skipped + dead + open``."""
    reasons: Mapping[str, int] = counted.reasons or {}
    return {
        "accepted": counted.accepted,
        "sent": counted.sent,
        "skipped": counted.skipped,
        "dead": counted.dead,
        "open": counted.open,
        "reasons": dict(reasons),
    }


def _policy(told: Delivery) -> dict[str, Any] | None:
    ruling = told.ruling
    return {"owner": ruling.owner, "sequence": ruling.sequence} if ruling else None


def _attempt(tried: Attempt) -> dict[str, Any]:
    return {
        "number": tried.number,
        "at": timestamp(tried.at),
        "seconds": round(tried.duration, 6),
        "result": tried.result,
        "relay": tried.relay or None,
        "phase": tried.phase or None,
        "code": tried.code,
        "enhanced": tried.enhanced or None,
    }
