"""What the registered claims of a token (RFC 7519 section 4.1) must say, once it is proven."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dispatcher.errors import UntrustedEvent

LEEWAY: Final = 60.0
"""Seconds that the issuer's clock may be off."""


def require_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """Let a token pass that the issuer made.

    Raises:
        UntrustedEvent: Another one did.
    """
    if claims.get("iss") != issuer:
        raise UntrustedEvent("its issuer is another one", id="invalid_issuer")


def require_audience(claims: Mapping[str, Any], audience: str) -> None:
    """Let a token pass that was made for us.

    Raises:
        UntrustedEvent: It was made for others.
    """
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        raise UntrustedEvent("it is meant for others", id="invalid_audience")


def require_unexpired(claims: Mapping[str, Any], now: datetime) -> None:
    """Let a token pass that says until when it counts, and still does.

    Raises:
        UntrustedEvent: It has expired, or does not say when.
    """
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise UntrustedEvent("it does not say until when it counts", id="authentication_failed")
    if now.timestamp() > expires + LEEWAY:
        raise UntrustedEvent("it has expired", id="authentication_failed")
