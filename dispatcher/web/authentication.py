"""Authentication: from an ``authorization`` header, or gRPC metadata, to a caller."""

import re
from typing import Final, Protocol

from dispatcher.access import Caller, invalid_token
from dispatcher.errors import Unauthenticated
from dispatcher.tokens import PREFIX, Tokens

_SCHEME: Final = "Bearer"
_LONGEST: Final = 8_192
"""Characters; an access token that names many roles has 4,000."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 section 2.1, b64token."""

_JWS_DOTS: Final = 2
"""RFC 7515 section 7.1: a signed token has three parts. One of five is encrypted: not for us."""


class Issuer(Protocol):
    """Knows the access tokens of an OIDC issuer."""

    async def authenticate(self, text: str) -> Caller:
        """Return who presents an access token.

        Raises:
            Unauthenticated: It is not genuine, not for us, or not valid now.
            IssuerUnavailable: That cannot be told: the issuer's keys are not to be had.
        """
        ...


class BearerAuthenticator:
    """Knows callers by their bearer tokens (RFC 6750): our own, or access tokens of an issuer.

    Args:
        tokens: Our own tokens.
        issuer: The issuer; None where none is configured.
        is_strict: Take the scheme's name only as ``Bearer``, as ZITADEL does; RFC 9110 section
            11.1 does not care for its case.
    """

    def __init__(
        self, tokens: Tokens, issuer: Issuer | None = None, *, is_strict: bool = False
    ) -> None:
        self._tokens = tokens
        self._issuer = issuer
        self._is_strict = is_strict

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller.

        Raises:
            Unauthenticated: There is no valid token; the id tells which of three cases it is.
            StoreUnavailable: Whether there is cannot be found out now.
            IssuerUnavailable: The same, for an issuer's token.
        """
        text = bearer_token(authorization, is_strict=self._is_strict)
        if len(text) > _LONGEST or not _TOKEN.fullmatch(text):
            raise invalid_token()
        if text.startswith(PREFIX):
            return await self._tokens.authenticate(text)
        if self._issuer is not None and text.count(".") == _JWS_DOTS:
            return await self._issuer.authenticate(text)
        raise invalid_token()


def bearer_token(authorization: str | None, *, is_strict: bool = False) -> str:
    """Return the token that an ``authorization`` header, or metadata, brings.

    Raises:
        Unauthenticated: It brings none, or in another way.
    """
    if not authorization:
        raise Unauthenticated("auth header missing")
    scheme, *rest = authorization.split(" ")
    is_bearer = scheme == _SCHEME or (not is_strict and scheme.lower() == _SCHEME.lower())
    if not is_bearer or len(rest) != 1:
        raise Unauthenticated("invalid auth header", id="AUTH-toLo1")
    return rest[0]
