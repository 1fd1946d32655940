"""How the parts of one process of the HTTP side are put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatcher.bootstrap_web import WebServices
from dispatcher.settings import Settings
from dispatcher.web.app import Desks
from dispatcher.web.authentication import BearerAuthenticator
from dispatcher.web.gate import Gate, NoRateLimits


@asynccontextmanager
async def open_desks(settings: Settings, services: WebServices) -> AsyncIterator[Desks]:
    """Open what the app works with, and close it in the end.

    Raises:
        ConfigError: The settings cannot work.
    """
    authenticator = BearerAuthenticator(services.tokens, is_strict=settings.zitadel_strict)
    yield Desks(
        policies=services.policies,
        gate=Gate(authenticator, NoRateLimits()),
        observer=services.observer,
        switches=services.switches,
        dry_run=services.dry_run,
        ready=services.ready,
    )
