"""What it takes to keep connections, from the settings: their store, their rules, their secrets."""

from collections.abc import Callable, Sequence
from secrets import token_bytes
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store.connections_file import read
from dispatcher.adapters.store.file_connections import FileConnectionStore
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_connections import ValkeyConnectionStore
from dispatcher.adapters.store.vault import Vault, parse_keys
from dispatcher.connection import Connection
from dispatcher.connections import Connections
from dispatcher.errors import ConfigError
from dispatcher.ports import Clock
from dispatcher.settings import Settings

_OCTETS: Final = 32


def connections_of(
    settings: Settings,
    client: Redis,
    readings: Readings,
    *,
    vault: Vault,
    clock: Clock,
    tell: Callable[[str, Exception], None],
) -> Connections:
    """Return the connections of the settings file, where there is one, and of the store.

    Args:
        settings: The settings.
        client: The store.
        readings: What else of the store is read with connections.
        vault: Encrypts their secrets.
        clock: Tells when one is changed.
        tell: Is told what work waits for, and why: a key that is not here, a file that is broken.
    """
    kept = ValkeyConnectionStore(
        client,
        vault,
        prefix=settings.store_prefix,
        readings=readings,
        on_unreadable=lambda name, error: tell(f"the key to the connection {name}", error),
    )
    path = settings.connections_file
    if path is None:
        return Connections(kept, clock, mistakes, new_secret)
    both = FileConnectionStore(
        path, kept, mistakes, lambda error: tell("the connections' file", error)
    )
    return Connections(both, clock, mistakes, new_secret)


def vault_of(settings: Settings) -> Vault:
    """Return what encrypts secrets at rest.

    Raises:
        ConfigError: A key cannot be used.
    """
    keys = settings.encryption_keys
    try:
        return Vault(parse_keys(keys.get_secret_value()) if keys else ())
    except ConfigError as error:
        raise ConfigError(f"DISPATCHER_ENCRYPTION_KEYS: {error}") from None


def check(settings: Settings) -> None:
    """Check the settings file of connections, where there is one.

    Raises:
        ConfigError: It cannot be used; the text names every mistake.
    """
    if settings.connections_file is not None:
        read(settings.connections_file, mistakes).require()


def mistakes(connection: Connection) -> Sequence[str]:
    """Return what is wrong with a connection."""
    # Whoever has no connection is spared the memory of all kinds of source.
    from dispatcher.adapters.directory import kinds  # noqa: PLC0415
    from dispatcher.sources import rules  # noqa: PLC0415

    directory = connection.directory
    wrong_there = () if directory is None else kinds.mistakes(directory)
    return [*rules.mistakes(connection), *wrong_there]


def new_secret(connection: Connection) -> str | None:
    """Return a new secret of a connection's kind, or None where no secret of ours is wanted."""
    from dispatcher.sources import discover, fetching  # noqa: PLC0415 - as above

    if fetching.is_fetched(connection):
        return None
    source = discover().get(connection.kind)
    return None if source is None else source.new_secret(connection, token_bytes(_OCTETS))
