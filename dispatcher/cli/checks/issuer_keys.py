"""The public keys that prove a connection's calls: are they to be had from here?"""

from collections.abc import Mapping
from typing import Any, Final

from dispatcher.adapters.oidc.algorithms import read_key
from dispatcher.adapters.oidc.fetch import fetch_document, fetch_keys, new_client
from dispatcher.cli.checks.finding import Finding, Health, place
from dispatcher.connection import Connection
from dispatcher.errors import IssuerUnavailable
from dispatcher.web_address import is_safe

_MEND: Final = "is the option right, and can this machine reach it?"


async def check_keys(connection: Connection) -> list[Finding]:
    """Return how many keys its issuer publishes; nothing where no public key proves its calls."""
    url, issuer = connection.options.get("jwks_url", ""), connection.options.get("issuer", "")
    where = url or issuer
    if not where:
        return []
    if not is_safe(where):
        return [Finding(Health.FAIL, "keys", "no https address: nothing proves them", _MEND)]
    try:
        async with new_client() as client:
            found = await (fetch_document(client, url) if url else fetch_keys(client, issuer))
    except IssuerUnavailable as error:
        return [Finding(Health.FAIL, "keys", f"{place(where)}: {error}", _MEND)]
    usable = _usable(found)
    if not usable:
        return [Finding(Health.FAIL, "keys", f"{place(where)}: none that can be used", _MEND)]
    return [Finding(Health.OK, "keys", f"{place(where)}: {usable} that can be used")]


def _usable(found: Mapping[str, Any]) -> int:
    keys = found.get("keys")
    listed = keys if isinstance(keys, list) else []
    return sum(isinstance(key, dict) and read_key(key) is not None for key in listed)
