"""Shared Signals: security event tokens, pushed (RFC 8935) or polled (RFC 8936).

Sources: RFC 8417, RFC 8935, OpenID Shared Signals Framework 1.0, CAEP 1.0.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.errors import DispatcherError, MalformedEvent, UntrustedEvent
from dispatcher.sources import fetching, security_events
from dispatcher.sources.hook import Call, KeySet, Reading, Reply, Source, decode_object
from dispatcher.sources.instants import instant
from dispatcher.sources.proof import is_secret, require_jws

MEDIA_TYPE: Final = "application/secevent+jwt"

_INVALID_REQUEST: Final = "invalid_request"
_INVALID_ISSUER: Final = "invalid_issuer"
_INVALID_AUDIENCE: Final = "invalid_audience"
_NOT_AUTHENTICATED: Final = "authentication_failed"
_TYPES: Final = frozenset({"secevent+jwt", MEDIA_TYPE})
"""RFC 8417 section 2.3; the prefix may be left out (RFC 7515 section 4.1.9)."""

_LEEWAY: Final = 300.0
"""Seconds that an issuer's clock may be ahead."""

_OLDEST: Final = 7 * 86_400.0
"""Seconds; a token has no end of its own, and what is older than the ledger's memory could be
told twice."""

_USUAL_CHANGES: Final = "create,update,revoke"


class Ssf(Source):
    """Whoever transmits security events: Okta, Keycloak, authentik, Oracle, SailPoint."""

    kind = "ssf"
    title = "Shared Signals (CAEP credential-change), pushed or polled"
    twin_window = 10.0  # where one change is told as two kinds of event, each is a token
    options: ClassVar[Mapping[str, str]] = {
        "issuer": "the tokens' iss (required)",
        "jwks_url": "where the issuer's keys are; without it, where the issuer's metadata says",
        "audience": "the tokens' aud, or several with commas; recommended",
        "subject_issuers": "whose ids for users count besides the issuer's, with commas",
        "changes": f"the change_types that are told, with commas ({_USUAL_CHANGES})",
        "state": "the state that a verification of the stream must have",
        **fetching.POLL,
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return None: the issuer's keys prove tokens, and a secret besides is a choice."""
        del connection, octets
        return None

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its options; it needs no secret."""
        wrong = []
        if not connection.options.get("issuer"):
            wrong.append("the option issuer is required: its keys prove tokens")
        unknown = _changes(connection) - security_events.CHANGES
        if unknown:
            known = ", ".join(sorted(security_events.CHANGES))
            wrong.append(f"the option changes must be of {known}")
        return wrong

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the token's claims; where there are secrets, one is the Authorization."""
        if call.header("content-type").partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise MalformedEvent(f"expected the content type {MEDIA_TYPE}")
        if connection.secrets:
            _require_authorization(call.header("authorization"), connection.secrets)
        return await require_token(call.body.strip(), connection, keys, now)

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what the token's events tell."""
        del call
        return read(content, connection)

    def refused(self, error: DispatcherError) -> Reply:
        """Return the answer with an error code (RFC 8935 section 2.3)."""
        if error.retryable:
            return super().refused(error)
        body = {"err": error_code(error), "description": str(error)}
        return Reply(400, body, {"content-language": "en"})


async def require_token(token: bytes, connection: Connection, keys: KeySet, now: datetime) -> bytes:
    """Return a security event token's claims, as JSON, now that its issuer has proven it.

    Raises:
        UntrustedEvent: It is no such token, or another issuer's or audience's.
        IssuerUnavailable: The issuer's keys are not to be had.
    """
    signed = await require_jws(token, keys)
    # RFC 8417 section 4.5: another kind of token of the same issuer must not pass for an event.
    if str(signed.header.get("typ")).lower() not in _TYPES:
        raise UntrustedEvent("its typ is not secevent+jwt", id=_INVALID_REQUEST)
    claims = signed.claims()
    if str(claims.get("iss")).rstrip("/") != connection.options.get("issuer", "").rstrip("/"):
        raise UntrustedEvent("its issuer is another one", id=_INVALID_ISSUER)
    expected = _listed(connection.options.get("audience", ""))
    if expected and expected.isdisjoint(_audiences(claims)):
        raise UntrustedEvent("its audience is another one", id=_INVALID_AUDIENCE)
    _require_lately(claims, now)
    return signed.payload


def read(content: bytes, connection: Connection) -> Reading:
    """Return what the events of a token tell.

    Args:
        content: Its claims, from :func:`require_token`.
        connection: Whose options say what of it concerns us.

    Raises:
        MalformedEvent: All of it is unreadable.
    """
    options = connection.options
    issuers = {options.get("issuer", ""), *_listed(options.get("subject_issuers", ""))}
    rules = security_events.Rules(
        changes=_changes(connection),
        issuers={issuer.rstrip("/") for issuer in issuers},
        state=options.get("state", ""),
    )
    return security_events.read(decode_object(content), rules)


def error_code(error: DispatcherError) -> str:
    """Return the code that tells a transmitter what is wrong (RFC 8935 section 2.4)."""
    usual = _NOT_AUTHENTICATED if isinstance(error, UntrustedEvent) else _INVALID_REQUEST
    return error.id or usual


def _require_authorization(presented: str, secrets: Iterable[str]) -> None:
    """Let a call pass whose header is a secret as it is, or behind ``Bearer``."""
    scheme, _, token = presented.partition(" ")
    bare = token.strip() if scheme.lower() == "bearer" else ""
    known = list(secrets)
    if True not in [is_secret(each, known) for each in (presented, bare)]:
        raise UntrustedEvent("the Authorization is none that we know", id=_NOT_AUTHENTICATED)


def _require_lately(claims: Mapping[str, Any], now: datetime) -> None:
    try:
        age = (now - instant(claims.get("iat"))).total_seconds()
    except MalformedEvent:
        raise UntrustedEvent("its iat is no time", id=_INVALID_REQUEST) from None
    if not -_LEEWAY <= age <= _OLDEST:
        raise UntrustedEvent("it was issued too long ago, or in the future", id=_INVALID_REQUEST)


def _audiences(claims: Mapping[str, Any]) -> frozenset[str]:
    found = claims.get("aud")
    listed = found if isinstance(found, list) else [found]
    return frozenset(each for each in listed if isinstance(each, str))


def _changes(connection: Connection) -> frozenset[str]:
    return _listed(connection.options.get("changes") or _USUAL_CHANGES)


def _listed(option: str) -> frozenset[str]:
    return frozenset(filter(None, (each.strip() for each in option.split(","))))


SOURCE: Final = Ssf()
