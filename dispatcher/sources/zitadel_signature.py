"""The header that proves ZITADEL's calls: those of event targets and of the HTTP provider.

``ZITADEL-Signature: t=<seconds>,v1=<hex>[,v1=<hex>...]``, each ``v1`` the HMAC-SHA256 of
``<t>.<body>``; there are several while a signing key is replaced. ZITADEL's API reference calls
it ``X-ZITADEL-Signature``, so that name is read as well.
"""

import hmac
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from dispatcher.errors import UntrustedEvent
from dispatcher.sources.hook import Call
from dispatcher.sources.proof import require_fresh, require_hmac

_NAMES: Final = ("zitadel-signature", "x-zitadel-signature")
_TIME: Final = "t"
_VERSION: Final = "v1"
_MOST_DIGITS: Final = 12  # of seconds: enough for 30,000 years


def require_signature(call: Call, signing_keys: Iterable[str], now: datetime) -> None:
    """Let a call pass that one of the signing keys signed within the last five minutes.

    Raises:
        UntrustedEvent: None did, or it is not signed at all.
    """
    header = next(filter(None, map(call.header, _NAMES)), "")
    if not header:
        raise UntrustedEvent("it has no ZITADEL-Signature")
    signed_at, signatures = _read(header)
    require_fresh(signed_at, now)
    keys = [key.encode() for key in signing_keys]
    require_hmac(signatures, f"{signed_at}.".encode() + call.body, keys)


def sign(body: bytes, signing_key: str, now: datetime) -> str:
    """Return the header's value for a body that is sent now."""
    signed_at = int(now.timestamp())
    signature = hmac.digest(signing_key.encode(), f"{signed_at}.".encode() + body, "sha256")
    return f"{_TIME}={signed_at},{_VERSION}={signature.hex()}"


def _read(header: str) -> tuple[int, list[bytes]]:
    signed_at: int | None = None
    signatures: list[bytes] = []
    for part in header.split(","):
        name, *values = part.split("=")
        if len(values) != 1:
            raise UntrustedEvent("its ZITADEL-Signature is none")
        if name == _TIME:
            signed_at = _seconds(values[0])
        elif name == _VERSION:
            signatures.extend(_octets(values[0]))
    if signed_at is None:
        raise UntrustedEvent("its ZITADEL-Signature has no time")
    return signed_at, signatures


def _seconds(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    raise UntrustedEvent("its ZITADEL-Signature has no time")


def _octets(value: str) -> Iterable[bytes]:
    """Return the signature; none where it is not hexadecimal, as ZITADEL's own library has it."""
    try:
        return [unhexlify(value)]
    except (HexError, ValueError):
        return []
