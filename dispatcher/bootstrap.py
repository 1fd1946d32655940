"""The composition root: settings → adapters → services; it alone knows concrete classes."""

import atexit
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pydantic import SecretStr

from dispatcher.adapters.broker.quarantine import Quarantine
from dispatcher.adapters.broker.rabbit_quarantine import RabbitQuarantine
from dispatcher.adapters.mail.sender_rules import check as check_sender
from dispatcher.adapters.standalone.valkey import EmbeddedValkey
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.secret import installation_secret
from dispatcher.adapters.store.valkey_correspondence import ValkeyCorrespondence
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.adapters.store.valkey_looks import ValkeyLookStore
from dispatcher.adapters.store.valkey_policies import ValkeyPolicyStore
from dispatcher.adapters.store.valkey_senders import ValkeySenderStore
from dispatcher.adapters.store.valkey_suppressions import ValkeySuppressionStore
from dispatcher.adapters.store.valkey_tokens import ValkeyTokenStore
from dispatcher.adapters.store.valkey_workforce import ValkeyWorkforce
from dispatcher.connecting import check as check_connections
from dispatcher.connecting import connections_of, vault_of
from dispatcher.connections import Connections
from dispatcher.errors import ConfigError
from dispatcher.looks import Looks
from dispatcher.policies import Policies
from dispatcher.ports import Observer
from dispatcher.post import Post, looks_of
from dispatcher.quarantines import quarantine_at
from dispatcher.senders import Senders
from dispatcher.settings import Settings
from dispatcher.suppressions import Suppressions
from dispatcher.tokens import Tokens


class SystemClock:
    """The computer's clock."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the Clock port's real adapter


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where broker and store are: URLs, with their passwords."""

    broker_url: str
    store_url: str


def embedded_valkey(settings: Settings) -> EmbeddedValkey:
    """Return the embedded Valkey of the data folder, not started."""
    return EmbeddedValkey(settings.data_dir / "valkey")


def endpoints(settings: Settings) -> Endpoints:
    """Return where broker and store are; starts the embedded Valkey where none is named.

    Raises:
        ConfigError: None is named, and there is no server program to start.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    broker, store = _shown(settings.broker_url), _shown(settings.store_url)
    if not store and settings.broker_is_store:
        store = broker
    if broker and store:
        return Endpoints(broker, store)
    embedded = embedded_valkey(settings)
    if embedded.start():
        atexit.register(embedded.stop)
    return Endpoints(broker or embedded.url, store or embedded.url)


@dataclass(frozen=True, slots=True)
class Store:
    """What the store keeps, opened: for commands that read or change it."""

    ledger: ValkeyLedger
    policies: Policies
    senders: Senders
    looks: Looks
    correspondence: ValkeyCorrespondence
    suppressions: Suppressions
    tokens: Tokens
    connections: Connections
    workforce: ValkeyWorkforce
    secret: bytes


@asynccontextmanager
async def open_store(
    settings: Settings, url: str, observer: Observer | None = None
) -> AsyncIterator[Store]:
    """Open the store, and close it in the end.

    Args:
        settings: The settings.
        url: Where the store is.
        observer: Is told of secrets that cannot be read; a command tells them itself.

    Raises:
        ConfigError: The URL cannot be read.
        StoreUnavailable: It does not answer.
    """
    vault, client, prefix = vault_of(settings), connect(url), settings.store_prefix
    try:
        key = _shown(settings.secret_key)
        secret = key.encode() if key else await installation_secret(client, prefix)
        ledger = ValkeyLedger(client, prefix=prefix, retention=settings.retention)
        readings = Readings(client)
        policies = Policies(ValkeyPolicyStore(client, prefix=prefix, readings=readings))
        tell = observer.waiting if observer else lambda _what, _error: None
        correspondence = ValkeyCorrespondence(
            readings,
            vault.unseal,
            prefix=prefix,
            on_unreadable=lambda org_id, error: tell(f"the key to the sender of {org_id}", error),
        )
        senders = Senders(
            ValkeySenderStore(client, vault, prefix=prefix),
            partial(check_sender, local=settings.sender_local_relays),
        )
        suppressions = Suppressions(
            ValkeySuppressionStore(client, prefix=prefix),
            SystemClock(),
            secret,
            settings.suppression_age,
        )
        tokens = Tokens(ValkeyTokenStore(client, prefix=prefix), SystemClock())
        looks = looks_of(settings, ValkeyLookStore(client, prefix=prefix))
        connections = connections_of(
            settings, client, readings, vault=vault, clock=SystemClock(), tell=tell
        )
        yield Store(
            ledger,
            policies,
            senders,
            looks,
            correspondence,
            suppressions,
            tokens,
            connections,
            ValkeyWorkforce(client, prefix=prefix),
            secret,
        )
    finally:
        await client.aclose()


def open_quarantine(
    settings: Settings,
) -> AbstractContextManager[Quarantine | RabbitQuarantine | None]:
    """Open what workers put aside because it could not be run; None where the broker keeps none.

    Raises:
        ConfigError: The broker's URL cannot be read.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    return quarantine_at(endpoints(settings).broker_url, rabbitmq=settings.uses_rabbitmq)


def check(settings: Settings) -> None:
    """Check what a worker would find wrong with the settings when it starts.

    Raises:
        ConfigError: The text names every mistake.
    """
    mistakes = []
    parts = (vault_of, check_connections, lambda read: Post.of(read).renderer(b"-", SystemClock()))
    for checked in parts:
        try:
            checked(settings)
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
