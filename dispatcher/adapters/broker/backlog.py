"""How many messages wait on the broker's queues."""

from typing import Final

from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import KombuError

from dispatcher.errors import StoreUnavailable

_PATIENCE: Final = 1.0
"""Seconds that a connection to the broker may take."""


def waiting(app: Celery, connection: Connection) -> dict[str, int]:
    """Return how many messages wait on each queue, what is sorted by organization included."""
    counts = {}
    for queue in app.conf.task_queues:
        channel = connection.channel()
        try:
            declared = channel.queue_declare(queue.name, passive=True)
            counts[queue.name] = int(declared.message_count)
        except connection.channel_errors:  # Valkey knows no empty list, RabbitMQ no unused queue
            counts[queue.name] = 0
        else:
            channel.close()
    return counts


def backlog(app: Celery) -> dict[str, int]:
    """Return the same, asked on a new connection.

    Raises:
        StoreUnavailable: The broker did not answer.
    """
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
            return waiting(app, connection)
    except (KombuError, OSError) as error:
        raise StoreUnavailable("the broker does not answer") from error
