"""Asking directories over HTTP: soon, little, and nobody else. Importing it imports httpx."""

import asyncio
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from dispatcher import __version__
from dispatcher.adapters.directory.replies import Reply
from dispatcher.errors import DirectoryUnavailable

_CONNECTING: Final = 1.0
_PATIENCE: Final = 3.0
"""Seconds for a whole answer: a directory that drips must not hold us."""

_LARGEST: Final = 1024 * 1024
_LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=32, keepalive_expiry=30
)
_HEADERS: Final = {
    "accept": "application/json, application/scim+json",
    "accept-encoding": "identity",  # what is unpacked could be of any size
    "user-agent": f"dispatcher/{__version__}",
}


class Wire:
    """Connections to all directories; it follows no redirect, and keeps no cookie.

    Args:
        patience: Seconds for a whole answer.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(patience, connect=min(patience, _CONNECTING)),
            limits=_LIMITS,
            headers=_HEADERS,
            cookies=jar,
            follow_redirects=False,
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Return the reply to a GET, or to a POST where there is a body.

        Raises:
            DirectoryUnavailable: There is none.
        """
        try:
            async with asyncio.timeout(self._patience):
                return await self._exchange(url, dict(headers), body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise DirectoryUnavailable(
                f"the directory does not answer: {type(error).__name__}"
            ) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _exchange(self, url: str, headers: dict[str, str], body: bytes | None) -> Reply:
        method, received = "GET" if body is None else "POST", bytearray()
        async with self._client.stream(method, url, headers=headers, content=body) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise DirectoryUnavailable("the directory packs its answer, unasked")
            async for piece in response.aiter_raw():
                received += piece
                if len(received) > _LARGEST:
                    raise DirectoryUnavailable("the directory's answer is too large")
            return Reply(response.status_code, dict(response.headers), bytes(received))
