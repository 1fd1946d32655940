"""Bodies encrypted for us: JSON Web Encryption in its compact form (RFC 7516 section 7.1).

The library is only read where a connection has a private key: nobody else pays for it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from warnings import catch_warnings, simplefilter

from dispatcher.connection import is_private_key
from dispatcher.errors import UntrustedEvent

_COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){3}\.[A-Za-z0-9_-]+")
_ALGORITHMS: Final = ("RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM")
"""RFC 7518 sections 4.3, 4.6 and 5.3. No compression, so that nothing unfolds."""

_SMALLEST_RSA: Final = 2048
"""Bits: RFC 7518 section 4.3."""


def mistakes(secrets: Iterable[str]) -> Sequence[str]:
    """Return what is wrong with the private keys among the secrets."""
    expected = "a private key must be RSA of at least 2048 bits or elliptic, in PEM, unencrypted"
    keys = filter(is_private_key, secrets)
    return (expected,) if any(_private_key(key) is None for key in keys) else ()


def is_encrypted(body: bytes) -> bool:
    """Tell whether a body has the form of an encrypted one."""
    return _COMPACT.fullmatch(body) is not None


def decrypt(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return what was encrypted for one of the private keys among the secrets.

    It is not proven by that: everybody may have the public key.

    Raises:
        UntrustedEvent: It was encrypted for none of them.
    """
    keys = map(_private_key, filter(is_private_key, secrets))
    opened = (_decrypted(body, key) for key in keys if key is not None)
    content = next((each for each in opened if each is not None), None)
    if content is None:
        raise UntrustedEvent("it is encrypted for none of the keys that we have", id="invalid_key")
    return content


def _decrypted(body: bytes, key: Any) -> bytes | None:  # noqa: ANN401 - imported below
    from joserfc import jwe  # noqa: PLC0415 - only where there are private keys
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above

    try:
        return jwe.decrypt_compact(body, key, algorithms=_ALGORITHMS).plaintext
    except (JoseError, ValueError, TypeError, KeyError, AssertionError):
        return None


@lru_cache(maxsize=16)
def _private_key(pem: str) -> Any:  # noqa: ANN401 - as above
    """Return the key, or None where it is none for us; to read one takes tens of milliseconds."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - as above

    for kind in (RSAKey, ECKey):
        try:
            with catch_warnings():  # the library warns of small keys; we refuse them
                simplefilter("ignore")
                key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private and (kind is ECKey or key.raw_value.key_size >= _SMALLEST_RSA):
            return key
    return None
