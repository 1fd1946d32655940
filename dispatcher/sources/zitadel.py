"""ZITADEL: events that its Actions v2 send to a target.

Source: the guides "Using Actions" and "Verify Payload Integrity" at zitadel.com/docs, and what
ZITADEL's repository says of the bodies (internal/repository/execution).
"""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from dispatcher.connection import Connection, is_private_key
from dispatcher.errors import MalformedEvent, UntrustedEvent
from dispatcher.events import Actor, ActorKind, Change, User
from dispatcher.sources import encryption
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
from dispatcher.sources.proof import is_jws, jws_payload, require_jws, require_recent
from dispatcher.sources.zitadel_signature import require_signature, sign

PASSWORD_CHANGED: Final = "user.human.password.changed"  # noqa: S105 - an event type, no password
_OTHER_EXECUTIONS: Final = ("fullMethod", "function")
"""What the bodies of executions on requests, responses and functions have, and those of events
lack: they are none of ours, and an error could stop what they are about."""

_CLAIMS: Final = ("iss", "sub", "aud", "exp")
"""What tokens for people and programs have, and events lack."""

_LOGIN: Final = "LOGIN"
"""What ZITADEL's own login calls itself where nobody is signed in yet."""


class Zitadel(Source):
    """ZITADEL's event executions, with bodies in JSON, signed (JWT), or encrypted (JWE)."""

    kind = "zitadel"
    title = "ZITADEL: events of Actions v2"
    options: ClassVar[Mapping[str, str]] = {
        "issuer": "the instance's address, whose keys sign bodies of payload type JWT and JWE",
        "jwks_url": "where these keys are, if the issuer's discovery document is out of reach",
        "login_client": "ids of the service users of login pages, comma-separated: what they do "
        "is the user's doing",
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return None: ZITADEL makes the signing key."""
        del connection, octets
        return None

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its secrets: a signing key or an issuer must prove calls."""
        found = encryption.mistakes(connection.secrets)
        if _signing_keys(connection) or _has_issuer(connection):
            return found
        return (*found, "the target's signing key is required as a secret, or the option issuer")

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the event in JSON, decrypted, from under every signature there is a key for."""
        signing_keys, has_issuer = _signing_keys(connection), _has_issuer(connection)
        if signing_keys:
            require_signature(call, signing_keys, now)
        content = call.body.strip()
        if encryption.is_encrypted(content):
            content = encryption.decrypt(content, connection.secrets)
        if is_jws(content) and has_issuer:
            content = (await require_jws(content, keys)).payload
            _require_event(content, now)
        elif not signing_keys:
            raise UntrustedEvent("it is no token of the issuer's", id="invalid_request")
        elif is_jws(content):
            content = jws_payload(content)
        return content

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return the password change that it tells of; nothing of the event's payload is kept."""
        del call
        event = decode_object(content)
        kind = text(event, "event_type")
        if kind == PASSWORD_CHANGED:
            return Reading([_occurrence(event, connection)])
        if kind or any(name in event for name in _OTHER_EXECUTIONS):
            return Reading(ignored=1)
        raise MalformedEvent("it is no event of ZITADEL's")

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return an event, signed with the newest signing key."""
        signing_keys = _signing_keys(connection)
        if not signing_keys:
            return None
        event = {
            "aggregateID": SAMPLE_USER.id,
            "aggregateType": "user",
            "instanceID": "sample",
            "version": "v2",
            "sequence": int(now.timestamp() * 1e6),
            "event_type": PASSWORD_CHANGED,
            "created_at": now.isoformat(),
            "userID": SAMPLE_USER.id,
        } | ({"resourceOwner": tenant} if tenant else {})
        body = json.dumps(event, separators=(",", ":")).encode()
        signature = sign(body, signing_keys[0], now)
        return Call(body, {"content-type": JSON, "zitadel-signature": signature})


def _signing_keys(connection: Connection) -> Sequence[str]:
    return [each for each in connection.secrets if not is_private_key(each)]


def _has_issuer(connection: Connection) -> bool:
    return bool(connection.options.get("issuer") or connection.options.get("jwks_url"))


def _require_event(content: bytes, now: datetime) -> None:
    """Let a token pass that is an event, and a recent one: no header needs to date it.

    The same keys sign ID and access tokens, and who may put claims of their own into these
    must not tell events by them (RFC 8725 section 2.8).
    """
    try:
        token = decode_object(content)
        if any(name in token for name in _CLAIMS):
            raise UntrustedEvent("it is another kind of token", id="invalid_request")
        require_recent(instant(token.get("created_at")), now)
    except MalformedEvent as error:
        raise UntrustedEvent("it is no event", id="invalid_request") from error


def _occurrence(event: Mapping[str, Any], connection: Connection) -> Occurrence:
    subject = text(event, "aggregateID")
    if not subject:
        raise MalformedEvent("aggregateID: is required")
    actor = _actor(text(event, "userID"), subject, connection)
    return Occurrence(
        native_id=_native_id(event),
        user=User(id=subject),
        occurred_at=instant(event.get("created_at")),
        tenant=text(event, "resourceOwner"),
        change=_change(event, actor),
        actor=actor,
    )


def _native_id(event: Mapping[str, Any]) -> str:
    """Return the event's place in its aggregate: ZITADEL gives events no id of their own."""
    aggregate = f"{text(event, 'instanceID')}/{text(event, 'aggregateID')}"
    place = text(event, "sequence") or f"{PASSWORD_CHANGED}/{text(event, 'created_at')}"
    return f"{aggregate}/{place}"


def _actor(actor_id: str, subject: str, connection: Connection) -> Actor:
    """Return who made the change: with Login V2 that is the login's service user, for the user.

    So another id means an administrator only where we know those of the logins.
    """
    logins = {each.strip() for each in connection.options.get("login_client", "").split(",")} - {""}
    if actor_id in {subject, _LOGIN} | logins:
        return Actor(ActorKind.USER, actor_id)
    return Actor(ActorKind.ADMIN if logins and actor_id else ActorKind.UNKNOWN, actor_id or None)


def _change(event: Mapping[str, Any], actor: Actor) -> Change:
    if payload(event.get("event_payload")).get("changeRequired") is True:
        return Change.TEMPORARY
    if actor.kind is ActorKind.ADMIN:
        return Change.ADMIN_RESET
    return Change.CHANGE if actor.kind is ActorKind.USER else Change.UNKNOWN


def payload(value: object) -> Mapping[str, Any]:
    """Return an event's payload: an object, base64 of one in older versions, or nothing."""
    if isinstance(value, str):
        try:
            return decode_object(b64decode(value, validate=True))
        except (ValueError, MalformedEvent):
            return {}
    return value if isinstance(value, Mapping) else {}


SOURCE: Final = Zitadel()
