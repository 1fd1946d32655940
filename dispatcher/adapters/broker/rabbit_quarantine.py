"""The quarantine of RabbitMQ: a durable queue for messages that cannot be run.

A classic queue, since reading is taking and giving back, and quorum queues drop what was given
back too often. It holds as much as the quarantine on Valkey; beyond, RabbitMQ refuses.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from time import time
from typing import Any, Final
from uuid import uuid4

from kombu import Connection, Exchange, Queue
from kombu.exceptions import KombuError

from dispatcher.adapters.broker.quarantine import Quarantined
from dispatcher.errors import StoreUnavailable

QUEUE: Final = Queue(
    "dispatcher.quarantine",
    Exchange(""),
    routing_key="dispatcher.quarantine",
    queue_arguments={
        "x-queue-type": "classic",
        "x-max-length": 10_000,
        "x-max-length-bytes": 64 * 1024 * 1024,
        "x-overflow": "reject-publish",
    },
)
_REASON, _FROM, _AT = "x-quarantine-reason", "x-quarantine-queue", "x-quarantine-at"
_OURS: Final = (_REASON, _FROM, _AT, "x-delivery-count")
_PERSISTENT: Final = 2
_PATIENCE: Final = 5.0
"""Seconds that a broker may take to answer a person."""


def put_aside(producer: Any, message: Any, reason: str) -> None:  # noqa: ANN401 -- kombu ships no types
    """Keep a message that cannot be run, and acknowledge it once it is kept.

    Args:
        producer: A producer on a connection of its own, with confirms.
        message: The message as received.
        reason: Why, one word of `[a-z_]`.

    Raises:
        amqp.exceptions.MessageNacked: The quarantine is full.
    """
    came_from = message.delivery_info.get("routing_key") or ""
    headers = {**(message.headers or {}), _REASON: reason, _FROM: came_from, _AT: time()}
    _publish(producer, message, headers, QUEUE.name, message_id=str(uuid4()), declare=[QUEUE])
    message.ack()


class RabbitQuarantine:
    """What was put aside on RabbitMQ. Whoever reads it holds the messages for that moment.

    Args:
        url: The broker's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __len__(self) -> int:
        with self._channel() as channel:
            return int(QUEUE(channel).queue_declare().message_count)

    def unlisted(self) -> Mapping[str, int]:
        """Return nothing: what the full queue refuses is only logged by the worker."""
        return {}

    def list(self, *, offset: int = 0, limit: int = 100) -> Iterator[Quarantined]:
        """Yield what was put aside, newest first.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        with self._channel() as channel:
            found = [_read(message) for message in _taken(channel)]
        yield from found[::-1][offset : offset + limit]

    def show(self, item: str) -> Quarantined | None:
        """Return one message, or None where it is not there (any more).

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        with self._channel() as channel:
            found = _find(channel, item)
            return _read(found) if found else None

    def drop(self, item: str) -> bool:
        """Forget a message for good; return whether it was there.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        with self._channel() as channel:
            found = _find(channel, item)
            if found:
                found.ack()
            return found is not None

    def requeue(self, item: str) -> bool:
        """Put a message back on its queue, where a cause was mended; return whether it was.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        with self._channel() as channel:
            found = _find(channel, item)
            if not found or not found.headers.get(_FROM):
                return False
            headers = {name: each for name, each in found.headers.items() if name not in _OURS}
            with channel.connection.client.Producer() as producer:
                _publish(producer, found, headers, str(found.headers[_FROM]))
            found.ack()
            return True

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        options = {"confirm_publish": True}
        try:
            with Connection(
                self._url, connect_timeout=_PATIENCE, transport_options=options
            ) as connection:
                connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
                channel = connection.channel()
                QUEUE(channel).queue_declare()
                yield channel
                channel.close()  # gives back what was taken and not acknowledged
        except (KombuError, OSError) as error:
            raise StoreUnavailable("the broker does not answer") from error


def _publish(
    producer: Any,  # noqa: ANN401 -- kombu ships no types
    message: Any,  # noqa: ANN401 -- kombu ships no types
    headers: Mapping[str, Any],
    queue: str,
    **options: Any,  # noqa: ANN401 -- kombu's
) -> None:
    producer.publish(
        message.body,
        exchange="",
        routing_key=queue,
        headers=dict(headers),
        content_type=message.content_type or "application/octet-stream",
        content_encoding=message.content_encoding or "binary",
        correlation_id=message.properties.get("correlation_id"),
        delivery_mode=_PERSISTENT,
        **options,
    )


def _taken(channel: Any) -> Iterator[Any]:  # noqa: ANN401 -- kombu ships no types
    """Take all, oldest first; closing the channel gives them back."""
    queue = QUEUE(channel)
    while (message := queue.get(no_ack=False)) is not None:
        yield message


def _find(channel: Any, item: str) -> Any:  # noqa: ANN401 -- kombu ships no types
    return next((one for one in _taken(channel) if one.properties.get("message_id") == item), None)


def _read(message: Any) -> Quarantined:  # noqa: ANN401 -- kombu ships no types
    headers, body = message.headers, message.body
    return Quarantined(
        id=str(message.properties.get("message_id")),
        reason=str(headers.get(_REASON, "")),
        queue=str(headers.get(_FROM, "")),
        put_aside_at=datetime.fromtimestamp(float(headers.get(_AT, 0)), UTC),
        raw=body if isinstance(body, bytes) else str(body).encode(),
        is_whole=True,
    )
