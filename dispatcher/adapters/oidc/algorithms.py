"""The signatures we take, and the keys they need: asymmetric ones only.

There is no ``none``, and nothing whose key both sides have (RFC 8725 section 3.1): a public key
can never be taken for a secret, for each algorithm has its one kind of key.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

PublicKey = RSAKey | ECKey | OKPKey

_SMALLEST_RSA: Final = 2048
"""Bits: RFC 7518 section 3.3."""

_LARGEST_RSA: Final = 8192
"""Bits: to verify with a larger one costs more than it can be worth."""

_CURVES: Final = {
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
    "Ed25519": "Ed25519",
}
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

ALGORITHMS: Final = _RSA | set(_CURVES)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One of an issuer's keys.

    Args:
        id: Its ``kid``; "" where it has none.
        algorithms: What it verifies.
        public: The key.
    """

    id: str
    algorithms: frozenset[str]
    public: PublicKey

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Tell whether this key's owner signed these bytes."""
        if algorithm not in self.algorithms:
            return False
        try:
            return JWSRegistry.algorithms[algorithm].verify(signed, signature, self.public)
        except (JoseError, ValueError):
            return False


def read_key(jwk: Mapping[str, Any]) -> VerificationKey | None:
    """Return a key of a key set, or None where it is none for us: RFC 7517 section 5 has it left.

    Only public members are read, so a set that gives a private key away is used like any other.
    """
    try:
        return _read(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _read(jwk: Mapping[str, Any]) -> VerificationKey | None:
    key_id, use, operations = jwk.get("kid", ""), jwk.get("use", "sig"), jwk.get("key_ops")
    if use != "sig" or (operations is not None and "verify" not in operations):
        return None
    with warnings.catch_warnings():  # the library warns of small keys; we leave them aside
        warnings.simplefilter("ignore")
        public = _import(jwk)
    if public is None or not isinstance(key_id, str):
        return None
    algorithms = _fitting(public)
    if "alg" in jwk:
        algorithms &= {jwk["alg"]}
    return VerificationKey(key_id, algorithms, public) if algorithms else None


def _import(jwk: Mapping[str, Any]) -> PublicKey | None:
    match jwk.get("kty"):
        case "RSA":
            return RSAKey.import_key({name: jwk[name] for name in ("kty", "n", "e")})
        case "EC":
            return ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
        case "OKP":
            return OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")})
        case _:
            return None


def _fitting(public: PublicKey) -> frozenset[str]:
    if isinstance(public, RSAKey):
        is_sound = _SMALLEST_RSA <= public.raw_value.key_size <= _LARGEST_RSA
        return _RSA if is_sound else frozenset()
    return frozenset(name for name, curve in _CURVES.items() if curve == public.curve_name)
