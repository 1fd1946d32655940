"""The composition root of feeds: what a worker needs of the API's side to fetch events itself.

Opened in the first worker's need of it: HTTP's client and all kinds of source cost memory.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from dispatcher.adapters.feeds.poll import PollFeed
from dispatcher.adapters.feeds.rabbitmq import RabbitFeed
from dispatcher.adapters.feeds.streams import StreamFeed
from dispatcher.adapters.oidc.key_sets import KeySets
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_formers import ValkeyFormerAddressStore
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.adapters.store.valkey_turns import ValkeyTurns
from dispatcher.beside import beside
from dispatcher.bootstrap import SystemClock
from dispatcher.connecting import vault_of
from dispatcher.connection import Connection
from dispatcher.connections import Connections
from dispatcher.errors import IssuerUnavailable, UntrustedEvent
from dispatcher.feeds import FeedDesk
from dispatcher.formers import Formers
from dispatcher.ingest import Ingest
from dispatcher.ports import Clock, Observer, Queue
from dispatcher.reception import Reception
from dispatcher.settings import Settings
from dispatcher.sources.fetching import AMQP_URL, STREAM_URL, Feed
from dispatcher.sources.ssf import require_token


@asynccontextmanager
async def open_feed_desk(
    settings: Settings, url: str, queue: Queue, *, connections: Connections, observer: Observer
) -> AsyncIterator[FeedDesk]:
    """Open what feeds need, and close it in the end.

    Args:
        settings: The settings.
        url: Where the store is.
        queue: Takes what is durable to the workers.
        connections: The connections.
        observer: Is told what came in, and what is away.

    Raises:
        ConfigError: The store's URL cannot be read, or a key to secrets.
    """
    client, prefix, clock = connect(url), settings.store_prefix, SystemClock()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(client.aclose)
        key_sets = KeySets(partial(_tell_of_keys, observer))
        closing.push_async_callback(key_sets.close)
        ledger = ValkeyLedger(client, prefix=prefix, retention=settings.retention)
        ingest = Ingest(ledger, queue, observer, new_receipt=lambda: str(uuid4()))
        await closing.enter_async_context(_publishing(ingest))
        former_addresses = ValkeyFormerAddressStore(
            client, Readings(client), vault_of(settings), prefix=prefix
        )
        reception = Reception(
            connections,
            ingest,
            key_sets.of,
            Formers(former_addresses, settings.former_address_age),
            observer,
            clock,
        )
        feeds = _Feeds(key_sets, clock, observer)
        yield FeedDesk(feeds.open, reception, ValkeyTurns(client, prefix=prefix))


@asynccontextmanager
async def _publishing(ingest: Ingest) -> AsyncIterator[None]:
    async with beside(ingest.run(), "ingest of feeds"):
        yield


@dataclass(frozen=True, slots=True)
class _Feeds:
    """Opens a connection's feed."""

    key_sets: KeySets
    clock: Clock
    observer: Observer

    def open(self, connection: Connection) -> Feed:
        """Return the feed that a connection's options name."""
        if AMQP_URL in connection.options:
            return RabbitFeed(connection)
        if STREAM_URL in connection.options:
            return StreamFeed(connection)
        return PollFeed(connection, self._proof(connection))

    def _proof(self, connection: Connection) -> Callable[[bytes], Awaitable[bytes]]:
        keys = self.key_sets.of(connection)

        async def prove(token: bytes) -> bytes:
            try:
                return await require_token(token, connection, keys, self.clock.now())
            except UntrustedEvent:
                self.observer.received(connection.name, "refused")
                raise

        return prove


def _tell_of_keys(observer: Observer, connection: str, fault: IssuerUnavailable | None) -> None:
    if fault is not None:
        observer.waiting(f"the keys of the connection {connection}", fault)
