"""Signing in at an OIDC issuer: authorization code with PKCE (RFC 7636), by Authlib.

What the issuer sends back is an access token like those of the API, and known like them: one rule
for who may do what.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.errors import IssuerUnavailable, Unauthenticated
from dispatcher.web.console.sessions import is_on_loopback
from dispatcher.web.console.visits import Grant

_DISCOVERY: Final = "/.well-known/openid-configuration"
_CALLBACK: Final = "/console/sign-in/callback"
_TIMEOUT: Final = 5.0


class OidcSignIn:
    """Signs people in at an issuer.

    Args:
        issuer: Its identifier.
        client_id: What it knows the console as.
        client_secret: The same; "" for a public client, which PKCE alone protects.
        scopes: What it is asked for.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: str) -> None:
        method = {} if client_secret else {"token_endpoint_auth_method": "none"}
        self._credentials: Mapping[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret or None,
            "timeout": _TIMEOUT,
            **method,
        }
        self._client = OAuth().register(
            "issuer",
            client_id=client_id,
            client_secret=client_secret or None,
            server_metadata_url=issuer.rstrip("/") + _DISCOVERY,
            client_kwargs={
                "scope": scopes,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT,
                **method,
            },
        )

    async def redirect(self, request: Request) -> Response:
        """Return the way to the issuer.

        Raises:
            IssuerUnavailable: It does not answer.
        """
        try:
            found: Response = await self._client.authorize_redirect(request, _callback(request))
        except (httpx2.HTTPError, OAuthError, ValueError) as error:
            raise _unavailable(error) from error
        return found

    async def grant(self, request: Request) -> Grant:
        """Return what whoever comes back from the issuer presents.

        Raises:
            Unauthenticated: They were not signed in, or not by us.
            IssuerUnavailable: It does not answer.
        """
        with _told():
            return _grant(await self._client.authorize_access_token(request))

    async def renew(self, renewal: str) -> Grant:
        """Return the next access token.

        Raises:
            Unauthenticated: The issuer gives none any more.
            IssuerUnavailable: It does not answer.
        """
        with _told():
            metadata = await self._client.load_server_metadata()
            async with AsyncOAuth2Client(**self._credentials) as client:
                place = metadata["token_endpoint"]
                found = await client.refresh_token(place, refresh_token=renewal)
        # An issuer that gives no new one means the old one to be used again (RFC 6749 section 6).
        return _grant({"refresh_token": renewal, **found})


@contextmanager
def _told() -> Iterator[None]:
    """Tell what goes wrong between us and the issuer in our own words."""
    try:
        yield
    except OAuthError as error:
        raise Unauthenticated(f"The issuer refused: {error.error}.", id="SSO-refused") from None
    except httpx2.HTTPError as error:
        raise _unavailable(error) from error
    except (LookupError, ValueError, TypeError, RuntimeError, JoseError, AuthlibBaseError) as error:
        # A state that this session does not know, or an ID token that does not fit.
        raise Unauthenticated("This sign-in did not begin here.", id="SSO-unknown") from error


def _grant(found: Mapping[str, Any]) -> Grant:
    return Grant(str(found.get("access_token", "")), str(found.get("refresh_token") or ""))


def _callback(request: Request) -> str:
    scheme = "http" if is_on_loopback(request.scope) else "https"
    return f"{scheme}://{request.headers.get('host', '')}{_CALLBACK}"


def _unavailable(error: Exception) -> IssuerUnavailable:
    return IssuerUnavailable(f"the issuer does not answer: {type(error).__name__}")
