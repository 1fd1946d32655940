"""Opening an issuer: its parts put together from what an operator sets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from dispatcher.adapters.oidc.claims import ClaimsMap
from dispatcher.adapters.oidc.fetch import fetch_keys, new_client
from dispatcher.adapters.oidc.issuer import OidcIssuer
from dispatcher.adapters.oidc.keys import IssuerKeys
from dispatcher.errors import ConfigError, IssuerUnavailable
from dispatcher.ports import Clock
from dispatcher.web_address import is_safe


@asynccontextmanager
async def open_issuer(
    issuer: str,
    audience: str,
    claims_map: ClaimsMap,
    clock: Clock,
    tell: Callable[[IssuerUnavailable | None], None] = lambda _: None,
) -> AsyncIterator[OidcIssuer]:
    """Open an issuer, and close it in the end; it need not answer yet.

    Args:
        issuer: Its identifier, an https URL; http for this very machine only.
        audience: Ours.
        claims_map: What its claims mean.
        clock: Tells what is valid now.
        tell: Is told when the issuer is away, and with None when it is back.

    Raises:
        ConfigError: These settings cannot work.
    """
    mistakes = []
    if not is_safe(issuer):
        mistakes.append("DISPATCHER_OIDC_ISSUER: expected an https URL: keys come from there")
    if not audience:
        mistakes.append(
            "DISPATCHER_OIDC_AUDIENCE: is required with DISPATCHER_OIDC_ISSUER: without it, "
            "tokens that were made for others would open this"
        )
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    async with new_client() as client:
        keys = IssuerKeys(partial(fetch_keys, client, issuer), tell=tell)
        try:
            yield OidcIssuer(issuer, audience, claims_map, keys, clock)
        finally:
            await keys.close()
