"""How calls are proven: secrets, HMACs, JSON Web Signatures; all compared in constant time."""

import hmac
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatcher.errors import UntrustedEvent
from dispatcher.sources.hook import KeySet

TOLERANCE: Final = 300.0
"""Seconds that a signed time may be off, before or after (Standard Webhooks, ZITADEL's SDK)."""

OLDEST: Final = 86_400.0
"""Seconds: news that no signed time dates may be a day old, and the ledger remembers longer."""

_COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_SHARED: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
"""RFC 7518 section 3.2."""

_LONGEST_KEY_ID: Final = 256


def require_secret(presented: str, secrets: Iterable[str]) -> None:
    """Let a call pass that presents one of the secrets.

    Raises:
        UntrustedEvent: It does not.
    """
    if not is_secret(presented, secrets):
        raise UntrustedEvent("the secret is none that we know")


def is_secret(presented: str, secrets: Iterable[str]) -> bool:
    """Tell whether it is one of the secrets."""
    octets = presented.encode(errors="surrogatepass")
    # All are compared, so that the time it takes tells nothing about which one is near.
    return True in [hmac.compare_digest(octets, secret.encode()) for secret in secrets]


def require_hmac(
    signatures: Iterable[bytes], signed: bytes, keys: Iterable[bytes], algorithm: str = "sha256"
) -> None:
    """Let a call pass that one of the keys signed.

    Args:
        signatures: What the call brings, decoded.
        signed: What was to be signed.
        keys: The secrets, as their scheme decodes them.
        algorithm: The hash's name.

    Raises:
        UntrustedEvent: None did.
    """
    brought = list(signatures)
    wanted = [hmac.digest(key, signed, algorithm) for key in keys]
    if True not in [hmac.compare_digest(each, one) for each in brought for one in wanted]:
        raise UntrustedEvent("the signature is none that we know")


def require_fresh(signed_at: float, now: datetime, tolerance: float = TOLERANCE) -> None:
    """Let a call pass that was signed lately.

    Args:
        signed_at: Seconds since 1970.
        now: The time, aware UTC.
        tolerance: Seconds that it may be off.

    Raises:
        UntrustedEvent: It is too old, or from the future.
    """
    if abs(now.timestamp() - signed_at) > tolerance:
        raise UntrustedEvent(f"it was signed more than {tolerance:.0f} s ago, or in the future")


def require_recent(occurred_at: datetime, now: datetime, oldest: float = OLDEST) -> None:
    """Let a call pass that nothing dates but what it tells, where that is news.

    Args:
        occurred_at: When what it tells happened.
        now: The time, aware UTC.
        oldest: Seconds that it may be ago.

    Raises:
        UntrustedEvent: It is old: it may have been sent before.
    """
    if (now - occurred_at).total_seconds() > oldest:
        raise UntrustedEvent(f"it tells of something more than {oldest:.0f} s ago")


@dataclass(frozen=True, slots=True)
class Jws:
    """A JSON Web Signature that was verified.

    Args:
        header: Its protected header.
        payload: What was signed.
    """

    header: Mapping[str, Any]
    payload: bytes

    def claims(self) -> Mapping[str, Any]:
        """Return the payload as claims.

        Raises:
            UntrustedEvent: It is no JSON object.
        """
        return _object(self.payload)


def is_jws(content: bytes) -> bool:
    """Tell whether content has the form of a compact JWS (RFC 7515 section 7.1)."""
    return _COMPACT.fullmatch(content) is not None


def jws_payload(token: bytes) -> bytes:
    """Return what a compact JWS holds that is proven otherwise, such as by an HMAC of it all.

    Raises:
        UntrustedEvent: It is no JWS.
    """
    return _octets(_parts(token)[2])


async def require_jws(token: bytes, keys: KeySet, secrets: Iterable[str] = ()) -> Jws:
    """Return what a compact JWS (RFC 7515 section 7.1) holds, now that it is verified.

    Shared secrets count for HMAC algorithms only and public keys for the others only, so that a
    public key is never taken for a secret (RFC 8725 section 3.1). There is no ``none``.

    Raises:
        UntrustedEvent: It is no JWS, or none of ours signed it (then its id is ``invalid_key``).
        IssuerUnavailable: The issuer's keys are not to be had.
    """
    parts = _parts(token)
    header = _object(_octets(parts[1]))
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not _is_key_id(key_id) or "crit" in header:
        raise UntrustedEvent("its header is none that we understand", id="invalid_request")
    signed, signature = token[: parts.end(2)], _octets(parts[3])
    if algorithm in _SHARED:
        _require_key(_any_signed(signed, signature, secrets, _SHARED[algorithm]))
    else:
        found = await keys.find(key_id, algorithm)
        _require_key(any(key.verifies(algorithm, signed, signature) for key in found))
    return Jws(header, _octets(parts[2]))


def _parts(token: bytes) -> re.Match[bytes]:
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise UntrustedEvent("it is no signed token", id="invalid_request")
    return parts


def _any_signed(signed: bytes, signature: bytes, secrets: Iterable[str], name: str) -> bool:
    digests = [hmac.digest(secret.encode(), signed, name) for secret in secrets]
    return True in [hmac.compare_digest(digest, signature) for digest in digests]


def _require_key(is_ours: bool) -> None:  # noqa: FBT001 - its one argument
    if not is_ours:
        raise UntrustedEvent("none of the keys that we know signed it", id="invalid_key")


def _is_key_id(key_id: object) -> bool:
    return key_id is None or (isinstance(key_id, str) and 0 < len(key_id) <= _LONGEST_KEY_ID)


def _octets(encoded: bytes) -> bytes:
    try:
        return urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
    except ValueError:
        raise UntrustedEvent("it is no signed token", id="invalid_request") from None


def _object(octets: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(octets, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise UntrustedEvent("it holds no JSON object", id="invalid_request")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object that names nothing twice: two readers might take it for two things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
