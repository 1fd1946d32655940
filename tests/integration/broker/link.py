"""Our transport without a Celery worker: a connection, what it received, and what it does next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kombu import Connection, Consumer, Queue
from kombu.transport.redis import Transport as StockTransport

from dispatcher.adapters.broker.transport import SentinelTransport, Transport
from tests.integration.broker.processes import wait_until


class Link:
    """A consumer of some queues.

    Args:
        connection: Open, on our transport or the stock one.
        queues: Names.
        credit: Messages held at most.
    """

    def __init__(self, connection: Any, queues: tuple[str, ...], credit: int) -> None:
        self.connection = connection
        self.channel = connection.default_channel
        self.channel.basic_qos(0, credit, False)  # noqa: FBT003 -- kombu's signature
        self.messages: list[Any] = []
        self._consumer = Consumer(
            self.channel,
            [Queue(name, routing_key=name) for name in queues],
            on_message=self.messages.append,
            accept=["json"],
        )
        self._consumer.consume()

    @property
    def bodies(self) -> list[Any]:
        """The first argument of each call that was received, in order."""
        return [message.payload[0][0] for message in self.messages]

    def turn(self, seconds: float = 0.1) -> None:
        """Let the transport do what there is to do."""
        with suppress(TimeoutError):
            self.connection.drain_events(timeout=seconds)

    def receive(self, count: int) -> list[Any]:
        """Wait for so many messages in all; return their first arguments."""
        self.until(lambda: len(self.messages) >= count, f"{count} messages")
        return self.bodies

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Let the transport work until a condition holds."""

        def holds() -> Any:
            self.turn()
            return condition()

        wait_until(holds, 20, what)


@contextmanager
def link(
    url: str, *queues: str, credit: int = 100, stock: bool = False, **options: Any
) -> Iterator[Link]:
    """Consume from *queues* (`notifications`); the options are the transport's."""
    connection = Connection(url, transport_options=options)
    connection.transport_cls = StockTransport if stock else Transport
    if url.startswith("sentinel"):
        connection.transport_cls = SentinelTransport
    try:
        yield Link(connection, queues or ("notifications",), credit)
    finally:
        connection.release()
