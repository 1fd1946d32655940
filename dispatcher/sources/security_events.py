"""What security event tokens tell (RFC 8417): CAEP's credential-change, RISC's identifier-changed.

They are read as issuers send them, not only as the specifications have them: a subject within
the event or beside it, times in seconds or milliseconds, past tenses, and Okta's ``revoke`` for
every change of a password.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatcher.errors import MalformedEvent
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, User
from dispatcher.sources import subjects
from dispatcher.sources.hook import Occurrence, Reading, text
from dispatcher.sources.instants import instant
from dispatcher.triggers.email_change import EMAIL_CHANGED

CREDENTIAL_CHANGE: Final = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
IDENTIFIER_CHANGED: Final = "https://schemas.openid.net/secevent/risc/event-type/identifier-changed"
VERIFICATIONS: Final = frozenset(
    {
        "https://schemas.openid.net/secevent/ssf/event-type/verification",
        "https://schemas.openid.net/secevent/sse/event-type/verification",
        "https://schemas.openid.net/secevent/risc/event-type/verification",
    }
)
INVALID_STATE: Final = "invalid_state"

CHANGES: Final = frozenset({"create", "update", "revoke", "delete"})
"""CAEP 1.0 section 3.3.1."""

_PAST: Final = {"created": "create", "updated": "update", "revoked": "revoke", "deleted": "delete"}
_PASSWORD: Final = "password"  # noqa: S105 - CAEP's name for a kind of credential
_ENTITIES: Final = {
    "admin": ActorKind.ADMIN,
    "user": ActorKind.USER,
    "policy": ActorKind.SYSTEM,
    "system": ActorKind.SYSTEM,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a token's events concerns us.

    Args:
        changes: The kinds of change of a password that are told.
        issuers: Whose ids for users are those of the connection's directory.
        state: What a verification of the stream must say; "" lets it say anything.
    """

    changes: Collection[str]
    issuers: Collection[str]
    state: str = ""


def read(claims: Mapping[str, Any], rules: Rules) -> Reading:
    """Return what a verified token's events tell.

    Raises:
        MalformedEvent: It lacks what every token has; or it is the verification of a stream
            with another state (then its id is ``invalid_state``).
    """
    if not text(claims, "jti") or not text(claims, "iss"):
        raise MalformedEvent("the token has no iss or no jti")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not events:
        raise MalformedEvent("the token has no events")
    for uri in VERIFICATIONS & events.keys():
        _require_state(events[uri], rules.state)
    each = [_told(claims, uri, event, rules) for uri, event in events.items()]
    return Reading([told for told in each if told is not None], ignored=each.count(None))


def _require_state(event: object, expected: str) -> None:
    state = text(event, "state")
    if expected and state and state != expected:  # a transmitter that verifies unasked has none
        raise MalformedEvent("the state is none that we asked for", id=INVALID_STATE)


def _told(
    claims: Mapping[str, Any], uri: str, event: object, rules: Rules
) -> Occurrence | MalformedEvent | None:
    try:
        if uri == CREDENTIAL_CHANGE:
            return _credential_changed(claims, event, rules)
        if uri == IDENTIFIER_CHANGED:
            return _identifier_changed(claims, event, rules)
    except MalformedEvent as error:
        return error
    return None


def _credential_changed(
    claims: Mapping[str, Any], event: object, rules: Rules
) -> Occurrence | None:
    change = text(event, "change_type").lower()
    change = _PAST.get(change, change) or "update"
    if text(event, "credential_type").lower() != _PASSWORD or change not in rules.changes:
        return None
    subject = _subject(claims, event)
    if not (subject.id or subject.email) or _is_elsewhere(subject, rules):
        return None  # a phone number, or somebody else's user
    actor = _ENTITIES.get(text(event, "initiating_entity").lower(), ActorKind.UNKNOWN)
    login_name = subject.login_name or None
    return Occurrence(
        native_id=_native_id(claims),
        user=User(subject.id or None, subject.email or None, login_name=login_name),
        occurred_at=_occurred_at(claims, event),
        tenant=subject.tenant,
        type=PASSWORD_CHANGED,
        change=_how(actor, change),
        actor=Actor(actor),
    )


def _identifier_changed(
    claims: Mapping[str, Any], event: object, rules: Rules
) -> Occurrence | None:
    """Return the change of an address: RISC's subject is the one before (RISC 1.0 section 2.5)."""
    subject = _subject(claims, event)
    if not subject.email or _is_elsewhere(subject, rules):
        return None  # of a phone number
    current = text(event, "new-value")
    return Occurrence(
        native_id=f"{_native_id(claims)}/identifier-changed",
        user=User(subject.id or None, current or subject.email, previous_email=subject.email),
        occurred_at=_occurred_at(claims, event),
        tenant=subject.tenant,
        type=EMAIL_CHANGED,
    )


def _subject(claims: Mapping[str, Any], event: object) -> subjects.Subject:
    inner = event.get("subject") if isinstance(event, Mapping) else None
    legacy = {"sub": claims.get("sub"), "iss": claims.get("iss")} if "sub" in claims else None
    identifier = claims.get("sub_id") or inner or legacy
    if isinstance(identifier, Mapping):
        return subjects.read(identifier)
    raise MalformedEvent("it has no subject")


def _is_elsewhere(subject: subjects.Subject, rules: Rules) -> bool:
    """Tell whether another issuer gave the id: here it may be somebody else's."""
    return bool(subject.issuer) and subject.issuer.rstrip("/") not in rules.issuers


def _native_id(claims: Mapping[str, Any]) -> str:
    return f"{text(claims, 'iss')}/{text(claims, 'jti')}"


def _occurred_at(claims: Mapping[str, Any], event: object) -> datetime:
    told = event.get("event_timestamp") if isinstance(event, Mapping) else None
    return instant(told or claims.get("toe") or claims.get("iat"))


def _how(actor: ActorKind, change: str) -> Change:
    if actor is ActorKind.ADMIN:
        return Change.ADMIN_RESET
    if actor is ActorKind.USER and change in {"create", "update"}:
        return Change.CHANGE
    return Change.UNKNOWN
