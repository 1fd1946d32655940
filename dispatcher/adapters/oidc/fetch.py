"""Fetching an issuer's documents: https, small, soon, and from nowhere else.

Vendor errors stop here: what leaves is :class:`~dispatcher.errors.IssuerUnavailable`.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import httpx

from dispatcher.errors import IssuerUnavailable
from dispatcher.web_address import is_safe

_DISCOVERY: Final = "/.well-known/openid-configuration"
_LARGEST: Final = 262_144
"""Bytes of a document; a key set of an issuer with fifty certificate chains has 200,000."""

_TIMEOUT: Final = httpx.Timeout(5.0)
_PATIENCE: Final = 10.0
"""Seconds for a whole document: a server that drips must not hold us."""

_OK: Final = 200


def new_client() -> httpx.AsyncClient:
    """Return a client for the issuer; it follows no redirect, and so to no other place."""
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)


async def fetch_keys(client: httpx.AsyncClient, issuer: str) -> Mapping[str, Any]:
    """Return the issuer's key set (RFC 7517) by way of its discovery document.

    Raises:
        IssuerUnavailable: It is away, or what it says cannot be used.
    """
    discovery = await fetch_document(client, issuer.rstrip("/") + _DISCOVERY)
    if discovery.get("issuer") != issuer:
        # OpenID Connect Discovery section 4.3: else one issuer could speak for another.
        raise IssuerUnavailable("the discovery document is another issuer's")
    place = discovery.get("jwks_uri")
    if not isinstance(place, str) or not is_safe(place):
        raise IssuerUnavailable("the discovery document names no https place for the keys")
    return await fetch_document(client, place)


async def fetch_document(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    """Return the JSON object at a URL, such as a key set.

    Raises:
        IssuerUnavailable: It is away, or answers something else.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            document = json.loads(await _read(client, url))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise IssuerUnavailable(f"the issuer does not answer: {type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise IssuerUnavailable("the issuer's answer is no JSON") from error
    if not isinstance(document, dict):
        raise IssuerUnavailable("the issuer's answer is no JSON object")
    return document


async def _read(client: httpx.AsyncClient, url: str) -> bytes:
    body = bytearray()
    headers = {"accept": "application/json"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != _OK:
            raise IssuerUnavailable(f"the issuer answers with {response.status_code}")
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _LARGEST:
                raise IssuerUnavailable("the issuer's answer is too large")
    return bytes(body)
