"""Keycloak: events by HTTP, as p2-inc's webhooks and its HTTP sender post them.

Source: the README and WebhookJwtSigner of p2-inc/keycloak-events.
"""

import hmac
import json
import re
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent, UntrustedEvent
from dispatcher.sources import fetching, keycloak_events
from dispatcher.sources.claims import require_audience, require_issuer, require_unexpired
from dispatcher.sources.hook import (
    JSON,
    SAMPLE_USER,
    Call,
    KeySet,
    Reading,
    Source,
    decode_object,
)
from dispatcher.sources.instants import instant
from dispatcher.sources.proof import require_hmac, require_jws, require_recent

_SIGNATURE: Final = "x-keycloak-signature"
_BODY_HASH: Final = "request_body_sha256"
_BEARER: Final = "bearer "
ROUTING_KEY: Final = "routing-key"
_ROUTING: Final = re.compile(r"KK\.EVENT\.(?:CLIENT|ADMIN)\.([^.]+)\..+")
"""What the listener for RabbitMQ says of an event besides: its realm by name, without dots."""

_HASHES: Final = frozenset({"sha256", "sha1"})
_YES: Final = "true"


class Keycloak(Source):
    """Keycloak with p2-inc's extension, or whatever posts Keycloak's events and signs alike."""

    kind = "keycloak"
    title = "Keycloak: webhooks of p2-inc/keycloak-events"
    twin_window: ClassVar[float] = 10.0
    options: ClassVar[Mapping[str, str]] = {
        "hmac": "the hash that webhooks are signed with: sha256 (the default) or sha1",
        "issuer": "the realm's address, whose keys sign webhooks of auth type bearer",
        "jwks_url": "where these keys are, if the issuer's discovery document is out of reach",
        "audience": "what a bearer token must name as its audience; required with issuer",
        "unsigned": "true takes calls that prove nothing: only behind a network that does",
        **fetching.AMQP,
        **fetching.STREAM,
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return a secret for a webhook, unless a token or nothing is to prove its calls."""
        needs_none = connection.options.get("issuer") or _is_unsigned(connection)
        return None if needs_none else super().new_secret(connection, octets)

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its options, and whether anything proves its calls."""
        options, found = connection.options, []
        if options.get("hmac", "sha256") not in _HASHES:
            found.append("hmac must be sha256 or sha1")
        if options.get("unsigned", _YES) != _YES:
            found.append("unsigned must be true, or absent")
        if _is_unsigned(connection) and (connection.secrets or options.get("issuer")):
            found.append("unsigned takes calls that prove nothing: leave out secret and issuer")
        if bool(options.get("issuer")) != bool(options.get("audience")):
            found.append("issuer and audience belong together")
        if not (connection.secrets or options.get("issuer") or _is_unsigned(connection)):
            found.append("the webhook's secret is required, or the options issuer and audience")
        return found

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which a secret or the realm's key signed."""
        authorization = call.header("authorization")
        if connection.options.get("issuer") and authorization.lower().startswith(_BEARER):
            await _require_token(authorization[len(_BEARER) :], call, connection, keys, now)
        elif not _is_unsigned(connection):
            _require_signature(call, connection)
            _require_news(call, now)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return the change that it tells of."""
        return keycloak_events.read(content, _realm(call, connection))

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return an event as p2-inc's webhooks have it, signed with the newest secret."""
        if not (connection.secrets or _is_unsigned(connection)):
            return None
        event = {
            "uid": f"sample-{now.timestamp():.6f}",
            "time": int(now.timestamp() * 1000),
            "realmName": tenant,
            "type": "access.UPDATE_CREDENTIAL",
            "authDetails": {"userId": SAMPLE_USER.id},
            "details": {"credential_type": "password"},
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        return Call(body, {"content-type": JSON, **_signed(body, connection)})


def _is_unsigned(connection: Connection) -> bool:
    return connection.options.get("unsigned") == _YES


def _realm(call: Call, connection: Connection) -> str:
    """Return the realm that whoever carries the event names; headers of a webhook name none."""
    if fetching.AMQP_URL not in connection.options:
        return ""
    routed = _ROUTING.fullmatch(call.header(ROUTING_KEY))
    return routed[1] if routed else ""


def _hash(connection: Connection) -> str:
    return connection.options.get("hmac", "sha256")


def _signed(body: bytes, connection: Connection) -> Mapping[str, str]:
    if not connection.secrets:
        return {}
    signature = hmac.digest(connection.secrets[0].encode(), body, _hash(connection))
    return {_SIGNATURE: signature.hex()}


def _require_signature(call: Call, connection: Connection) -> None:
    try:
        signature = unhexlify(call.header(_SIGNATURE))
    except (HexError, ValueError):
        raise UntrustedEvent("its signature is not hexadecimal") from None
    secrets = [secret.encode() for secret in connection.secrets]
    require_hmac([signature], call.body, secrets, _hash(connection))


def _require_news(call: Call, now: datetime) -> None:
    """Let an event pass that is recent: nothing else dates a call that is signed by an HMAC."""
    try:
        occurred_at = instant(decode_object(call.body).get("time"))
    except MalformedEvent:
        return  # then it can tell of no change
    require_recent(occurred_at, now)


async def _require_token(
    token: str, call: Call, connection: Connection, keys: KeySet, now: datetime
) -> None:
    claims = (await require_jws(token.strip().encode(errors="surrogatepass"), keys)).claims()
    require_issuer(claims, connection.options["issuer"])
    require_audience(claims, connection.options.get("audience", ""))
    require_unexpired(claims, now)
    told, is_so = str(claims.get(_BODY_HASH)), sha256(call.body).hexdigest()
    if not hmac.compare_digest(told.encode(errors="surrogatepass"), is_so.encode()):
        raise UntrustedEvent("it is signed for another body", id="authentication_failed")


SOURCE: Final = Keycloak()
