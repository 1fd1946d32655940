"""An issuer's access tokens: JWTs (RFC 7519) in the profile of RFC 9068, checked by RFC 8725."""

import json
import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final

from dispatcher.access import Caller, invalid_token
from dispatcher.adapters.oidc.algorithms import ALGORITHMS
from dispatcher.adapters.oidc.claims import ClaimsMap
from dispatcher.adapters.oidc.keys import IssuerKeys
from dispatcher.ports import Clock

_LEEWAY: Final = 60.0
"""Seconds that two clocks may differ by."""

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LONGEST_KEY_ID: Final = 256
_ACCESS_TOKEN: Final = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068 section 2.1."""

_ANY_TOKEN: Final = frozenset({"", "jwt", "application/jwt"})
"""What issuers write that came before RFC 9068; ID tokens look so, too."""

_ID_TOKEN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
"""OpenID Connect Core sections 2 and 3.3.2.11: only an ID token has these."""

_OTHER_TYPES: Final = frozenset({"id", "refresh", "offline", "logout"})
"""What Keycloak writes into the claim ``typ`` of tokens that open nothing."""


class OidcIssuer:
    """Knows an issuer's access tokens.

    Args:
        issuer: Its identifier, the claim ``iss``.
        audience: Ours, in the claim ``aud``.
        claims_map: What its claims mean.
        keys: Its keys.
        clock: Tells what is valid now.
    """

    def __init__(
        self, issuer: str, audience: str, claims_map: ClaimsMap, keys: IssuerKeys, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._map = claims_map
        self._keys = keys
        self._clock = clock

    async def authenticate(self, text: str) -> Caller:
        """Return who presents an access token.

        Raises:
            Unauthenticated: It is not genuine, not for us, or not valid now.
            IssuerUnavailable: That cannot be told: the issuer's keys are not to be had.
        """
        parts = _COMPACT.fullmatch(text)
        if parts is None:
            raise invalid_token()
        header_text, claims_text, signature = parts.groups()
        header = _json(header_text)
        await self._verify(header, f"{header_text}.{claims_text}".encode(), _bytes(signature))
        claims = _json(claims_text)
        self._check(header, claims)
        caller = self._map.caller(claims)
        if caller is None:
            raise invalid_token()
        return caller

    async def _verify(self, header: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
        """Check the signature; whatever the header says, only the issuer's own keys are used."""
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise invalid_token()
        if "crit" in header or not _is_key_id(key_id):
            raise invalid_token()  # RFC 7515 section 4.1.11: we know none of what is critical
        if _type_of(header) not in _ACCESS_TOKEN | _ANY_TOKEN:
            raise invalid_token()
        keys = await self._keys.find(key_id, algorithm)
        if not any(key.verifies(algorithm, signed, signature) for key in keys):
            raise invalid_token()

    def _check(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        is_ours = audience == self._audience or (
            isinstance(audience, list) and self._audience in audience
        )
        if claims.get("iss") != self._issuer or not is_ours:
            raise invalid_token()
        if _type_of(header) not in _ACCESS_TOKEN and _is_other_token(claims):
            raise invalid_token()
        if "cnf" in claims:  # RFC 7800: bound to a key that a bearer does not prove to have
            raise invalid_token()
        now = self._clock.now().timestamp()
        begins = max(_time(claims, "nbf", -math.inf), _time(claims, "iat", -math.inf))
        if not begins - _LEEWAY <= now < _time(claims, "exp", -math.inf) + _LEEWAY:
            raise invalid_token()


def _is_key_id(key_id: object) -> bool:
    return key_id is None or (isinstance(key_id, str) and 0 < len(key_id) <= _LONGEST_KEY_ID)


def _type_of(header: Mapping[str, Any]) -> str:
    """Return the header's type; names of media types know no case (RFC 7515 section 4.1.9)."""
    kind = header.get("typ", "")
    return kind.lower() if isinstance(kind, str) else "?"


def _is_other_token(claims: Mapping[str, Any]) -> bool:
    kind = claims.get("typ", "")
    named = isinstance(kind, str) and kind.lower() in _OTHER_TYPES
    return named or not _ID_TOKEN_CLAIMS.isdisjoint(claims)


def _time(claims: Mapping[str, Any], name: str, default: float) -> float:
    """Return a claim's seconds since 1970."""
    found = claims.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise invalid_token()
    try:
        return float(found)
    except OverflowError:
        raise invalid_token() from None


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise invalid_token() from None


def _json(text: str) -> Mapping[str, Any]:
    """Return a part of a token as the object it is."""
    try:
        found = json.loads(_bytes(text), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise invalid_token() from None
    if not isinstance(found, dict):
        raise invalid_token()
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object that names nothing twice: two readers might take it for two things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid_token()
    return found


def _refuse(_constant: str) -> float:
    """Refuse NaN and the infinities: they are no JSON (RFC 8259 section 6)."""
    raise invalid_token()
