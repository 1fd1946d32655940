"""What Keycloak tells, whoever carries it: user events and admin events in JSON.

One reading serves the three forms there are: those of Keycloak itself (``Event``,
``EventRepresentation``, ``AdminEvent``), the same with a ``@class`` as listeners put them into
message brokers, and the one form that p2-inc's webhooks make of both.

Source: Keycloak's own EventType, Details, UpdatePassword, UpdateEmail and UserResource; the
README of p2-inc/keycloak-events.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from dispatcher.errors import MalformedEvent
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, Context, User
from dispatcher.sources.hook import Occurrence, Reading, decode_object, text
from dispatcher.sources.instants import instant
from dispatcher.triggers.email_change import EMAIL_CHANGED

_ACCESS: Final = "access."
"""p2-inc's mark of a user event's type."""

_NEW_PASSWORD: Final = frozenset({"UPDATE_CREDENTIAL", "UPDATE_PASSWORD"})
"""Keycloak 26 sends both for one change, each with an id and a time of its own."""

_PASSWORD: Final = "password"  # noqa: S105 - a credential's type
_UNTYPED: Final = "UPDATE_PASSWORD"  # before Keycloak 26 it named no credential
_NEW_ADDRESS: Final = frozenset({"UPDATE_EMAIL", "UPDATE_PROFILE"})
_NOT_YET_THEIRS: Final = "IDP_REVIEW"
"""The context of a first sign-in through an identity provider: the address before was its."""

_RESET: Final = re.compile(r"users/([^/]+)/reset-password")
"""The whole path: logging out, consents and mails are actions on users, too."""


def read(content: bytes, realm: str = "") -> Reading:
    """Return the change that an event tells of.

    Args:
        content: The event, in JSON.
        realm: The realm's name, where whoever carries the event knows it and the event may not.

    Raises:
        MalformedEvent: It is no event of Keycloak's.
    """
    event = decode_object(content)
    tenant = realm or text(event, "realmName") or text(event, "realmId")
    if text(event, "operationType"):
        occurrence = _by_administrator(event, tenant)
    elif text(event, "type"):
        occurrence = _by_user(event, tenant)
    else:
        raise MalformedEvent("it is no event of Keycloak's")
    return Reading([occurrence]) if occurrence else Reading(ignored=1)


def _by_user(event: Mapping[str, Any], tenant: str) -> Occurrence | None:
    kind, details = text(event, "type").removeprefix(_ACCESS), event.get("details")
    if text(event, "error"):
        return None
    if kind in _NEW_PASSWORD and _is_password(kind, details):
        return _occurrence(event, tenant, PASSWORD_CHANGED, User())
    if kind in _NEW_ADDRESS and _has_moved(details):
        updated, previous = text(details, "updated_email"), text(details, "previous_email")
        user = User(email=updated or None, previous_email=previous)
        return _occurrence(event, tenant, EMAIL_CHANGED, user)
    return None


def _is_password(kind: str, details: object) -> bool:
    credential = text(details, "credential_type")
    return credential == _PASSWORD or (kind == _UNTYPED and not credential)


def _has_moved(details: object) -> bool:
    previous, updated = text(details, "previous_email"), text(details, "updated_email")
    is_other = previous.casefold() != updated.casefold()
    return bool(previous) and is_other and text(details, "context") != _NOT_YET_THEIRS


def _occurrence(event: Mapping[str, Any], tenant: str, kind: str, about: User) -> Occurrence:
    subject = _required(text(event, "userId") or text(event, "authDetails", "userId"), "userId")
    login_name = text(event, "authDetails", "username") or text(event, "details", "username")
    user = replace(about, id=subject, login_name=login_name or None)
    return Occurrence(
        native_id=_native_id(event, subject),
        user=user,
        occurred_at=instant(event.get("time")),
        tenant=tenant,
        type=kind,
        change=Change.CHANGE if kind == PASSWORD_CHANGED else Change.UNKNOWN,
        actor=Actor(ActorKind.USER, subject),
        context=_context(event),
    )


def _by_administrator(event: Mapping[str, Any], tenant: str) -> Occurrence | None:
    """Return the reset of somebody's password, who is named by the path and nowhere else."""
    path = _RESET.fullmatch(text(event, "resourcePath"))
    is_action = text(event, "operationType") == "ACTION"
    if path is None or not is_action or text(event, "error"):
        return None
    subject, actor_id = path[1], text(event, "authDetails", "userId")
    is_own = actor_id == subject
    return Occurrence(
        native_id=_native_id(event, subject),
        user=User(id=subject),
        occurred_at=instant(event.get("time")),
        tenant=tenant,
        change=Change.CHANGE if is_own else Change.ADMIN_RESET,
        actor=Actor(ActorKind.USER if is_own else ActorKind.ADMIN, actor_id or None),
        context=_context(event) if is_own else Context(),
    )


def _context(event: Mapping[str, Any]) -> Context:
    return Context(
        ip=text(event, "ipAddress") or text(event, "authDetails", "ipAddress") or None,
        client=text(event, "clientId") or text(event, "authDetails", "clientId") or None,
    )


def _native_id(event: Mapping[str, Any], subject: str) -> str:
    """Return the event's id, else the one that p2-inc gives it, else one of what it says.

    p2-inc's ``uid`` is another one for each webhook, and when an operator sends one again.
    """
    said = (text(event, "realmId"), subject, _kind(event), text(event, "time"))
    own = text(event, "id") or text(event, "uid")
    return own or sha256("\n".join(said).encode()).hexdigest()


def _kind(event: Mapping[str, Any]) -> str:
    return text(event, "type") or text(event, "operationType")


def _required(value: str, name: str) -> str:
    if not value:
        raise MalformedEvent(f"{name}: is required")
    return value
