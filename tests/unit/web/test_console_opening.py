"""The console's settings: on unless turned off, and signing in only where that can work."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from dispatcher.bootstrap_web import open_web
from dispatcher.errors import ConfigError
from dispatcher.settings import Settings
from dispatcher.web.console.opening import open_console
from tests.contract.console.booth import Booth

NOWHERE = "redis://127.0.0.1:9/0"


def opened(**settings: Any) -> bool:
    """Tell whether there is a console; the store need not answer for that."""

    async def ask() -> bool:
        found = Settings(broker_url=SecretStr(NOWHERE), **settings)
        async with open_web(found, NOWHERE) as services:
            return open_console(found, services, Booth().desks()) is not None

    return asyncio.run(ask())


def test_there_is_a_console_unless_it_is_turned_off() -> None:
    assert opened()
    assert not opened(console=False)


def test_a_client_id_needs_an_issuer() -> None:
    with pytest.raises(ConfigError, match="DISPATCHER_OIDC_CLIENT_ID"):
        opened(oidc_client_id="console")
    assert opened(
        oidc_client_id="console", oidc_issuer="https://login.acme.example", oidc_audience="api"
    )
