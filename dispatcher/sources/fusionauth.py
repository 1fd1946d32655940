"""FusionAuth's webhooks: signed by a JWT that holds the body's hash.

Source: FusionAuth's documentation of its events and of signed webhooks (since 1.48).
"""

import hmac
from base64 import b64decode, b64encode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Any, ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent, UntrustedEvent
from dispatcher.events import PASSWORD_CHANGED, Change, Context, User
from dispatcher.sources.hook import (
    JSON,
    SAMPLE_USER,
    Call,
    KeySet,
    Occurrence,
    Reading,
    Source,
    decode_object,
    text,
)
from dispatcher.sources.instants import instant
from dispatcher.sources.proof import require_jws, require_recent
from dispatcher.triggers.email_change import EMAIL_CHANGED

_SIGNATURE: Final = "x-fusionauth-signature-jwt"
_PASSWORD_UPDATE: Final = "user.password.update"  # noqa: S105 - an event type, no password
_CHANGES: Final = {
    _PASSWORD_UPDATE: Change.UNKNOWN,
    "user.password.reset.success": Change.RESET,
}
_EMAIL_UPDATE: Final = "user.email.update"


class FusionAuth(Source):
    """FusionAuth's webhooks."""

    kind = "fusionauth"
    title = "FusionAuth webhooks"
    twin_window = 10.0  # resetting a password is an update as well: two events
    options: ClassVar[Mapping[str, str]] = {
        "jwks_url": "where the public keys are, if an asymmetric key signs"
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return an HMAC key to be imported; None where public keys prove calls."""
        has_keys = bool(connection.options.get("jwks_url"))
        return None if has_keys else super().new_secret(connection, octets)

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its proof."""
        if connection.secrets or connection.options.get("jwks_url"):
            return ()
        return ("a secret (of an HMAC key) or the option jwks_url is required: it proves calls",)

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, whose hash is signed; the signature has no time, its event has."""
        token = call.header(_SIGNATURE).encode(errors="replace")
        claims = (await require_jws(token, keys, connection.secrets)).claims()
        if not hmac.compare_digest(_hash(claims), sha256(call.body).digest()):
            raise UntrustedEvent("the body is not the one that was signed")
        _require_news(call.body, now)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what the event tells."""
        del call, connection
        event = _event(content)
        if text(event, "type") in _CHANGES:
            return Reading([_password_changed(event)])
        if text(event, "type") == _EMAIL_UPDATE and text(event, "previousEmail"):
            return Reading([_email_changed(event)])
        return Reading(ignored=1)

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return an event, signed with the newest secret."""
        if not connection.secrets:
            return None
        event = {
            "id": f"sample-{now.timestamp():.6f}",
            "type": _PASSWORD_UPDATE,
            "createInstant": int(now.timestamp() * 1000),
            "tenantId": tenant,
            "user": {"id": SAMPLE_USER.id, "email": SAMPLE_USER.email},
        }
        body = dumps({"event": event}, separators=(",", ":")).encode()
        return Call(body, {"content-type": JSON, _SIGNATURE: _signed(body, connection.secrets[0])})


def _require_news(body: bytes, now: datetime) -> None:
    try:
        occurred_at = instant(_event(body).get("createInstant"))
    except MalformedEvent:
        return  # then it can tell of no change
    require_recent(occurred_at, now)


def _event(content: bytes) -> Mapping[str, Any]:
    event = decode_object(content).get("event")
    if isinstance(event, Mapping) and text(event, "type"):
        return event
    raise MalformedEvent("event: expected an object with a type")


def _hash(claims: Mapping[str, Any]) -> bytes:
    try:
        return b64decode(text(claims, "request_body_sha256"), validate=True)
    except (Base64Error, ValueError):
        return b""


def _signed(body: bytes, secret: str) -> str:
    """Return a JWT of a body's hash (RFC 7519, with RFC 7518's HS256)."""
    claims = {"request_body_sha256": b64encode(sha256(body).digest()).decode()}
    parts = [_encoded(dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.digest(secret.encode(), ".".join(parts).encode(), "sha256")
    return ".".join((*parts, _encoded(signature)))


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _password_changed(event: Mapping[str, Any]) -> Occurrence:
    return Occurrence(
        native_id=_id(event),
        user=_user(event),
        occurred_at=instant(event.get("createInstant")),
        tenant=text(event, "tenantId"),  # the user's own may be another one
        type=PASSWORD_CHANGED,
        change=_CHANGES[text(event, "type")],
        context=_context(event),
    )


def _email_changed(event: Mapping[str, Any]) -> Occurrence:
    return Occurrence(
        native_id=_id(event),
        user=_user(event, previous_email=text(event, "previousEmail")),
        occurred_at=instant(event.get("createInstant")),
        tenant=text(event, "tenantId"),
        type=EMAIL_CHANGED,
        context=_context(event),
    )


def _id(event: Mapping[str, Any]) -> str:
    name = text(event, "id")
    if name:
        return name
    raise MalformedEvent("event.id: is required")


def _user(event: Mapping[str, Any], previous_email: str | None = None) -> User:
    user = event.get("user")
    verified = user.get("verified") if isinstance(user, Mapping) else None
    names = (text(user, "firstName"), text(user, "lastName"))
    return User(
        id=text(user, "id") or None,
        email=text(user, "email") or None,
        display_name=text(user, "fullName") or " ".join(filter(None, names)) or None,
        login_name=text(user, "username") or None,
        locale=_locale(user),
        email_verified=verified if isinstance(verified, bool) else None,
        previous_email=previous_email,
    )


def _locale(user: object) -> str | None:
    preferred = user.get("preferredLanguages") if isinstance(user, Mapping) else None
    first = next(iter(preferred), None) if isinstance(preferred, list) else None
    return first.replace("_", "-") if isinstance(first, str) else None  # Java's form has a _


def _context(event: Mapping[str, Any]) -> Context:
    return Context(
        ip=text(event, "info", "ipAddress") or None,
        user_agent=text(event, "info", "userAgent") or None,
        place=text(event, "info", "location", "displayString") or None,
    )


SOURCE: Final = FusionAuth()
