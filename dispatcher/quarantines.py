"""The quarantine of any broker: what workers put aside because it could not be run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dispatcher.adapters.broker.quarantine import Quarantine
from dispatcher.adapters.broker.rabbit_quarantine import RabbitQuarantine
from dispatcher.adapters.store.connection import without_transport_prefix
from dispatcher.errors import ConfigError

_KEEPS_QUARANTINE: Final = ("redis:", "rediss:", "redis+socket:", "unix:")
_BROKER_PATIENCE: Final = 5.0
"""Seconds that a broker may take to answer a person."""


@contextmanager
def quarantine_at(url: str, *, rabbitmq: bool) -> Iterator[Quarantine | RabbitQuarantine | None]:
    """Open a broker's quarantine; None where it keeps none.

    Args:
        url: Where the broker is.
        rabbitmq: Whether it is RabbitMQ.

    Raises:
        ConfigError: The URL cannot be read.
    """
    if rabbitmq:
        yield RabbitQuarantine(url)
        return
    if not url.startswith(_KEEPS_QUARANTINE):
        yield None
        return
    try:
        client = Redis.from_url(
            without_transport_prefix(url),
            socket_timeout=_BROKER_PATIENCE,
            socket_connect_timeout=_BROKER_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigError("the broker's URL cannot be read: check its port and database") from error
    with client:
        yield Quarantine(client)
