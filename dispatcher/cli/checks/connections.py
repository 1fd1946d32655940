"""Connections: can this machine's keys open all of them, and may each be as it is?"""

from typing import Final

from dispatcher import bootstrap
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.connecting import mistakes
from dispatcher.connections import Connections
from dispatcher.errors import (
    ConfigError,
    ConnectionNotFound,
    ConnectionUnreadable,
    StoreUnavailable,
)
from dispatcher.settings import Settings

_SUBJECT: Final = "connections"


async def check_connections(settings: Settings, store_url: str) -> list[Finding]:
    """Return how connections are; nothing where there are none."""
    try:
        async with bootstrap.open_store(settings, store_url) as store:
            names = await store.connections.names()
            wrong = {name: await _wrong(store.connections, name) for name in names}
    except (ConfigError, StoreUnavailable):  # told among the settings, and of the store
        return []
    if not names:
        return []
    found = [Finding(Health.FAIL, f"connection {name}", *why) for name, why in wrong.items() if why]
    return found or [
        Finding(Health.OK, _SUBJECT, f"all {len(names)} can be read, and be as they are")
    ]


async def _wrong(connections: Connections, name: str) -> tuple[str, str] | None:
    """Return what is wrong with a connection, and what to do about it; None where nothing is."""
    try:
        said = mistakes(await connections.get(name))
    except ConnectionUnreadable:
        mend = "DISPATCHER_ENCRYPTION_KEYS lacks their key: add it, or remove and add it anew"
        return "its secrets cannot be read: its calls are answered with 503", mend
    except ConnectionNotFound:  # it was removed meanwhile
        return None
    return ("; ".join(said), f"`dispatcher connection change {name}` …") if said else None
